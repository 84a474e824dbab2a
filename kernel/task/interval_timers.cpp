#include "task/interval_timers.hpp"

#include "arch/clock.hpp"
#include "task/posix_timer.hpp"
#include "task/process_timers.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

// A timer that expires more often than this delivers its signal at this rate and counts the rest as overruns: no program
// keeps a processor busy with interrupts.
constexpr Nanoseconds shortest_interval = 100'000;

std::uint64_t Expiry::advance(Nanoseconds now) {
  if (interval == 0) {
    deadline = never;
    return 0;
  }
  const auto missed = static_cast<std::uint64_t>((now + shortest_interval - deadline) / interval);
  deadline += static_cast<Nanoseconds>(missed + 1) * interval;
  return missed;
}

TimerSetting Expiry::setting(Nanoseconds now) const {
  if (!running()) return {};
  return {deadline > now ? deadline - now : 1, interval};  // due, but not dealt with yet: never 0
}

Expiry Expiry::from(const TimerSetting& setting, Nanoseconds now) {
  if (setting.left == 0) return {};
  Nanoseconds deadline;
  if (__builtin_add_overflow(now, setting.left, &deadline) || deadline == never) deadline = never - 1;
  return {deadline, setting.interval};
}

// --- SignalTimer ------------------------------------------------------------------------------------------------------

Expiry SignalTimer::expiry() {
  SpinGuard guard(lock_);
  return expiry_;
}

Expiry SignalTimer::set(const Expiry& fresh) {
  Expiry old;
  {
    SpinGuard guard(lock_);
    old = expiry_;
    expiry_ = Expiry();  // run() does not start it again from here on
  }
  cancel();
  {
    SpinGuard guard(lock_);
    expiry_ = fresh;
  }
  if (fresh.running()) start(fresh.deadline);
  return old;
}

void SignalTimer::run(Timer& timer) {
  auto& self = static_cast<SignalTimer&>(timer);
  std::uint64_t missed;
  {
    SpinGuard guard(self.lock_);
    if (!self.expiry_.running()) return;
    missed = self.expiry_.advance(arch::monotonic_now());
    if (self.expiry_.running()) self.start(self.expiry_.deadline);
  }
  self.expired(missed);
}

// --- ProcessTimers ----------------------------------------------------------------------------------------------------

ProcessTimers::ProcessTimers(Process& process) : process(process), alarm(process) {}
ProcessTimers::~ProcessTimers() = default;

Result<ProcessTimers*> ProcessTimers::of(Process& process) {
  if (process.timers) return process.timers.get();
  Own<ProcessTimers> fresh = TRY(make_own<ProcessTimers>(process));
  SpinGuard guard(process.lock());
  if (!process.timers) process.timers = {fresh.release(), [](ProcessTimers* timers) { delete timers; }};
  return process.timers.get();
}

void ProcessTimers::Alarm::expired(std::uint64_t) {
  (void)deliver(process_, kernel_signal(signal::alarm));  // a standard signal: pending once, never refused
}

// --- setitimer(2) -----------------------------------------------------------------------------------------------------

namespace {

Expiry& cpu_interval(ProcessTimers& timers, IntervalTimer which) REQUIRES(timers.cpu_lock) {
  return which == IntervalTimer::virtual_ ? timers.virtual_time : timers.profile;
}

// What the processor-time timers count: user time, or all.
Nanoseconds cpu_clock(Process& process, IntervalTimer which) {
  const ResourceUsage usage = usage_of(process);
  return which == IntervalTimer::virtual_ ? usage.user_time : usage.user_time + usage.system_time;
}

}  // namespace

TimerSetting interval_timer(Process& process, IntervalTimer which) {
  ProcessTimers* timers = process.timers.get();
  if (!timers) return {};
  if (which == IntervalTimer::real) return timers->alarm.expiry().setting(arch::monotonic_now());
  const Nanoseconds now = cpu_clock(process, which);
  SpinGuard guard(timers->cpu_lock);
  return cpu_interval(*timers, which).setting(now);
}

Result<TimerSetting> set_interval_timer(Process& process, IntervalTimer which, const TimerSetting& setting) {
  if (setting.left == 0 && !process.timers) return TimerSetting();
  ProcessTimers* timers = TRY(ProcessTimers::of(process));
  MutexGuard changing(timers->changing);
  if (which == IntervalTimer::real) {
    const Nanoseconds now = arch::monotonic_now();
    return timers->alarm.set(Expiry::from(setting, now)).setting(now);
  }
  const Nanoseconds now = cpu_clock(process, which);
  Expiry old;
  {
    SpinGuard guard(timers->cpu_lock);
    old = std::exchange(cpu_interval(*timers, which), Expiry::from(setting, now));
  }
  if (setting.left) watch_cpu_time(process);
  return old.setting(now);
}

void drop_timers(Process& process) { process.timers.reset(); }

}  // namespace cv6
