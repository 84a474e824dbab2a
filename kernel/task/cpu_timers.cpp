// Timers that count CPU time, and RLIMIT_CPU: looked at by the threads whose time it is.

#include "sched/timer.hpp"

#include "arch/clock.hpp"
#include "task/exit.hpp"
#include "task/process_timers.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

bool CpuTimer::has_expired(Nanoseconds now) {
  if (expires > now) return false;
  expires = interval ? expires + ((now - expires) / interval + 1) * interval : never;
  return true;
}

TimerSetting CpuTimer::left(Nanoseconds now) const {
  if (expires == never) return {0, interval};
  return {expires > now ? expires - now : 1, interval};
}

void ProcessTimers::update_watch() {
  bool watch = virtual_timer.expires != never || profile_timer.expires != never || next_limit_signal != never;
  for (PosixTimer& timer : posix) watch |= timer.needs_look();
  watch_cpu_time.store(watch, std::memory_order_relaxed);
}

Nanoseconds process_cpu_time(Process& process) {
  const ResourceUsage usage = usage_of(process);
  return usage.user_time + usage.system_time;
}

Result<void> watch_cpu_limit(Process& process) {
  const ResourceLimit& limit = process.limits[Resource::cpu];
  ProcessTimers& timers = *TRY(timers_of(process));
  constexpr std::uint64_t most = never / nanoseconds_per_second;
  MutexGuard guard(timers.mutex);
  timers.next_limit_signal = limit.soft < most ? static_cast<Nanoseconds>(limit.soft) * nanoseconds_per_second : never;
  timers.update_watch();
  return {};
}

namespace {

// SIGXCPU at the soft limit and each second from there on, SIGKILL at the hard one: getrlimit(2).
void enforce_limit(Process& process, ProcessTimers& timers, Nanoseconds used) {
  if (used < timers.next_limit_signal) return;
  const std::uint64_t seconds = static_cast<std::uint64_t>(used / nanoseconds_per_second);
  if (seconds >= process.limits[Resource::cpu].hard) return kill_process(process);
  timers.next_limit_signal += nanoseconds_per_second;
  (void)deliver(process, kernel_signal(signal::cpu_limit));
}

}  // namespace

void check_cpu_timers(UserThread& thread) {
  thread.remove_work(UserThread::work_timers);
  Process& process = thread.process();
  if (!process.timers) return;
  ProcessTimers& timers = *process.timers;
  const ResourceUsage usage = usage_of(process);
  const Nanoseconds user = usage.user_time, total = usage.user_time + usage.system_time;
  Nanoseconds nearest = never;
  MutexGuard guard(timers.mutex);
  if (timers.virtual_timer.has_expired(user)) (void)deliver(process, kernel_signal(signal::virtual_alarm));
  if (timers.profile_timer.has_expired(total)) (void)deliver(process, kernel_signal(signal::profile));
  for (PosixTimer& timer : timers.posix) {
    if (!timer.needs_look()) continue;
    const Nanoseconds used = timer.request.clock == TimerClock::process_cpu ? total : timer.now();  // `total`: of all threads
    if (used >= timer.expires) timer.fire();
    if (timer.needs_look()) nearest = std::min(nearest, timer.expires - used);
  }
  enforce_limit(process, timers, total);
  timers.update_watch();
  if (timers.virtual_timer.expires != never) nearest = std::min(nearest, timers.virtual_timer.expires - user);
  if (timers.profile_timer.expires != never) nearest = std::min(nearest, timers.profile_timer.expires - total);
  // The clock's own interrupt may be too far off.
  if (nearest < sched::slice) Timer::wake_processor_by(arch::monotonic_now() + nearest);
}

}  // namespace cv6
