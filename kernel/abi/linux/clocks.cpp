#include "abi/linux/clocks.hpp"

#include "fs/real_time.hpp"
#include "task/interval_timers.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {
namespace {

constexpr int cpu_clock_kind = 3, cpu_clock_scheduled = 2, cpu_clock_of_thread = 4;

Result<Nanoseconds> cpu_clock_now(const Context& context, int clock) {
  if ((clock & cpu_clock_kind) > cpu_clock_scheduled) return Error::inval;
  const int number = ~(clock >> 3);
  if (clock & cpu_clock_of_thread) {
    if (number == 0) return context.thread.cpu_time();
    const auto thread = find_thread(context.container, number);
    // Only those of one's own process.
    if (!thread || &(*thread)->process() != &context.process) return Error::inval;
    return (*thread)->cpu_time();
  }
  if (number == 0) return process_cpu_time(context.process);
  const auto process = find_process(context.container, number);
  if (!process) return Error::inval;
  return process_cpu_time(**process);
}

}  // namespace

Result<Nanoseconds> clock_now(const Context& context, int clock) {
  switch (clock) {
    case clock_realtime:
    case clock_realtime_coarse:
    case clock_realtime_alarm:
    case clock_tai: return real_time_now();
    case clock_monotonic:
    case clock_monotonic_raw:
    case clock_monotonic_coarse:
    case clock_boottime:
    case clock_boottime_alarm: return arch::monotonic_now();
    case clock_process_cputime_id: return process_cpu_time(context.process);
    case clock_thread_cputime_id: return context.thread.cpu_time();
    default: return clock < 0 ? cpu_clock_now(context, clock) : Error::inval;
  }
}

Result<WaitClock> wait_clock(int clock) {
  switch (clock) {
    case clock_realtime:
    case clock_realtime_alarm:
    case clock_tai: return WaitClock::real_time;
    case clock_monotonic:
    case clock_boottime:
    case clock_boottime_alarm: return WaitClock::monotonic;
    case clock_monotonic_raw:
    case clock_realtime_coarse:
    case clock_monotonic_coarse: return Error::opnotsupp;
    default: return Error::inval;
  }
}

Nanoseconds monotonic_deadline(WaitClock clock, Nanoseconds time) {
  if (clock == WaitClock::monotonic) return time;
  const Nanoseconds now = real_time_now();
  return time <= now ? 0 : deadline_after(arch::monotonic_now(), time - now);
}

}  // namespace cv6::linux_abi
