#include "task/interval_timers.hpp"

#include "arch/clock.hpp"
#include "task/process_timers.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

namespace {
void destroy(ProcessTimers* timers) { delete timers; }
}  // namespace

Result<ProcessTimers*> timers_of(Process& process) {
  if (process.timers) return process.timers.get();
  std::unique_ptr<ProcessTimers, void (*)(ProcessTimers*)> fresh(new (std::nothrow) ProcessTimers(process), &destroy);
  if (!fresh) return Error::nomem;
  SpinGuard guard(process.lock());
  if (!process.timers) std::swap(process.timers, fresh);
  return process.timers.get();
}

TimerSetting time_left(Nanoseconds expires, Nanoseconds interval, Nanoseconds now) {
  if (expires == never) return {0, interval};
  if (expires > now) return {expires - now, interval};
  return {interval ? interval - (now - expires) % interval : 0, interval};
}

// --- ITIMER_REAL ------------------------------------------------------------------------------------------------------

void RealTimer::expired(Timer& timer) {
  (void)deliver(static_cast<RealTimer&>(timer).process_, kernel_signal(signal::alarm));
}

void RealTimer::go_on() {
  const Nanoseconds now = arch::monotonic_now();
  if (!interval_ || expires_ > now || node.linked()) return;  // linked: the signal is about to be sent
  expires_ += ((now - expires_) / interval_ + 1) * interval_;
  start(expires_);
}

TimerSetting RealTimer::setting() const { return time_left(expires_, interval_, arch::monotonic_now()); }

TimerSetting RealTimer::set(const TimerSetting& fresh) {
  const TimerSetting old = setting();
  cancel();
  interval_ = possible_interval(fresh.interval);
  expires_ = fresh.left ? saturated_sum(arch::monotonic_now(), fresh.left) : never;
  if (fresh.left) start(expires_);
  return old;
}

// --- setitimer(2) -----------------------------------------------------------------------------------------------------

namespace {

CpuTimer& cpu_timer(ProcessTimers& timers, IntervalTimer which) {
  return which == IntervalTimer::virtual_ ? timers.virtual_timer : timers.profile_timer;
}

Nanoseconds clock_of(Process& process, IntervalTimer which) {
  const ResourceUsage usage = usage_of(process);
  return which == IntervalTimer::virtual_ ? usage.user_time : usage.user_time + usage.system_time;
}

}  // namespace

TimerSetting interval_timer(Process& process, IntervalTimer which) {
  if (!process.timers) return {};
  ProcessTimers& timers = *process.timers;
  MutexGuard guard(timers.mutex);
  if (which == IntervalTimer::real) return timers.real.setting();
  return cpu_timer(timers, which).left(clock_of(process, which));
}

Result<TimerSetting> set_interval_timer(Process& process, IntervalTimer which, const TimerSetting& setting) {
  ProcessTimers& timers = *TRY(timers_of(process));
  MutexGuard guard(timers.mutex);
  if (which == IntervalTimer::real) return timers.real.set(setting);
  const Nanoseconds now = clock_of(process, which);
  CpuTimer& timer = cpu_timer(timers, which);
  const TimerSetting old = timer.left(now);
  const bool runs = setting.left && setting.left < never - now;
  timer = {runs ? now + setting.left : never, possible_interval(setting.interval)};
  timers.update_watch();
  return old;
}

void drop_timers(Process& process) {
  drop_posix_timers(process);
  if (!process.timers) return;
  // They stay until the process is freed: prlimit(2) of another process may be using them.
  MutexGuard guard(process.timers->mutex);
  process.timers->real.set({});
}

}  // namespace cv6
