// Timers of processor time: ITIMER_VIRTUAL, ITIMER_PROF, POSIX timers on processor-time clocks, and RLIMIT_CPU.
#include "arch/clock.hpp"
#include "task/process_timers.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

Nanoseconds process_cpu_time(Process& process) {
  const ResourceUsage usage = usage_of(process);
  return usage.user_time + usage.system_time;
}

void watch_cpu_time(Process& process) {
  process.for_each_thread([](UserThread& thread) { thread.add_work(UserThread::work_timers); });
}

namespace {

bool expire(Process& process, Expiry& expiry, Nanoseconds now, int number) {
  if (expiry.deadline <= now && expiry.running()) {
    (void)expiry.advance(now);
    (void)deliver(process, kernel_signal(number));  // a standard signal: pending once, never refused
  }
  return expiry.running();
}

bool check_intervals(ProcessTimers& timers, const ResourceUsage& usage) {
  // The expiries are copied out and back: signals are sent without the lock.
  Expiry virtual_time, profile;
  {
    SpinGuard guard(timers.cpu_lock);
    if (!timers.virtual_time.running() && !timers.profile.running()) return false;
    virtual_time = timers.virtual_time;
    profile = timers.profile;
  }
  const Expiry old_virtual = virtual_time, old_profile = profile;
  bool some = expire(timers.process, virtual_time, usage.user_time, signal::virtual_alarm);
  some |= expire(timers.process, profile, usage.user_time + usage.system_time, signal::profile);
  SpinGuard guard(timers.cpu_lock);
  // Set by another thread meanwhile: then that is what counts.
  if (timers.virtual_time.deadline == old_virtual.deadline) timers.virtual_time = virtual_time;
  if (timers.profile.deadline == old_profile.deadline) timers.profile = profile;
  return some;
}

// getrlimit(2): SIGXCPU at the soft limit and each second after it, SIGKILL at the hard one.
bool check_cpu_limit(ProcessTimers& timers, Nanoseconds cpu_time) {
  Process& process = timers.process;
  const ResourceLimit limit = process.limits[Resource::cpu];
  if (limit.soft == ResourceLimit::infinity) return false;
  const auto seconds = static_cast<std::uint64_t>(cpu_time / nanoseconds_per_second);
  if (seconds >= limit.hard) {
    (void)deliver(process, kernel_signal(signal::kill));
    return true;
  }
  if (seconds < limit.soft) return true;
  {
    SpinGuard guard(timers.cpu_lock);
    if (cpu_time < timers.next_cpu_warning) return true;
    timers.next_cpu_warning = cpu_time + nanoseconds_per_second;
  }
  (void)deliver(process, kernel_signal(signal::cpu_limit));
  return true;
}

}  // namespace

void check_cpu_timers(UserThread& thread) {
  Process& process = thread.process();
  thread.remove_work(UserThread::work_timers);
  const bool limited = process.limits[Resource::cpu].soft != ResourceLimit::infinity;
  if (!process.timers && !limited) return;
  Result<ProcessTimers*> timers = ProcessTimers::of(process);
  if (!timers) return thread.add_work(UserThread::work_timers);  // no memory for them now: later
  const ResourceUsage usage = usage_of(process);
  bool again = check_intervals(**timers, usage);
  again |= check_cpu_limit(**timers, usage.user_time + usage.system_time);
  again |= check_posix_cpu_timers(**timers, thread);
  if (again) thread.add_work(UserThread::work_timers);
}

}  // namespace cv6
