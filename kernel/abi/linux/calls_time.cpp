// Clocks and sleeping: clock_gettime(2), gettimeofday(2), nanosleep(2), clock_nanosleep(2), times(2).
#include <algorithm>

#include "abi/linux/clocks.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "fs/real_time.hpp"

namespace cv6::linux_abi {
namespace {

constexpr Nanoseconds nanoseconds_per_tick = nanoseconds_per_second / ticks_per_second;

// Sleeps until the deadline. Interrupted, what is left goes to `left`, and the sleep can be continued.
Result<long> sleep_until(UserThread& thread, Nanoseconds deadline, UserPtr<Timespec> left) {
  Event event;
  const auto slept = sleep_until_raised(event, Wait::interruptible, deadline);
  if (slept || slept.error() == Error::timedout) return 0;
  const Nanoseconds rest = deadline - arch::monotonic_now();
  if (rest <= 0) return 0;
  TRY(left.write_if_wanted(timespec_of(rest)));
  thread.timed_restart = {
      .again = [](UserThread& again, const TimedRestart& state) {
        return sleep_until(again, static_cast<Nanoseconds>(state.arguments[0]), UserPtr<Timespec>(state.arguments[1]));
      },
      .arguments = {static_cast<std::uint64_t>(deadline), left.address()}};
  return Error::restart_timed;
}

// To a moment, so nothing is left to continue with: the same call again does it (clock_nanosleep(2)).
Result<long> sleep_until_moment(WaitClock clock, Nanoseconds time) {
  Event event;
  const auto slept = sleep_until_raised(event, Wait::interruptible, monotonic_deadline(clock, time));
  if (slept || slept.error() == Error::timedout) return 0;
  return Error::restart_unhandled;
}

// So late that the clock would come to its end within thirty years is refused, as Linux does.
Result<Nanoseconds> time_to_set(Nanoseconds time) {
  constexpr Nanoseconds thirty_years = 30l * 365 * 24 * 3600 * nanoseconds_per_second;
  if (time >= never - thirty_years) return Error::inval;
  return time;
}

}  // namespace

Result<long> sys_nanosleep(Context& context, UserPtr<Timespec> wanted, UserPtr<Timespec> left) {
  const Nanoseconds duration = TRY(duration_from(TRY(wanted.read())));
  return sleep_until(context.thread, deadline_after(arch::monotonic_now(), duration), left);
}

Result<long> sys_clock_nanosleep(Context& context, int clock, Flags flags, UserPtr<Timespec> wanted,
                                 UserPtr<Timespec> left) {
  if (!flags.only(timer_abstime)) return Error::inval;
  const WaitClock waits_on = TRY(wait_clock(clock));
  const Nanoseconds time = TRY(duration_from(TRY(wanted.read())));
  if (flags.has(timer_abstime)) return sleep_until_moment(waits_on, time);
  return sleep_until(context.thread, deadline_after(arch::monotonic_now(), time), left);
}

Result<long> sys_clock_gettime(Context& context, int clock, UserPtr<Timespec> now) {
  TRY(now.write(timespec_of(TRY(clock_now(context, clock)))));
  return 0;
}

Result<long> sys_clock_settime(Context& context, int clock, UserPtr<Timespec> pointer) {
  if (clock != clock_realtime) return Error::inval;
  const Nanoseconds now = TRY(time_to_set(TRY(duration_from(TRY(pointer.read())))));
  if (!context.process.credentials().privileged() || !context.container.is_host()) return Error::perm;
  set_real_time(now);
  return 0;
}

Result<long> sys_clock_getres(Context& context, int clock, UserPtr<Timespec> resolution) {
  TRY(clock_now(context, clock));
  TRY(resolution.write_if_wanted({0, 1}));
  return 0;
}

Result<long> sys_gettimeofday(Context&, UserPtr<Timeval> now, UserPtr<Timezone> zone) {
  TRY(now.write_if_wanted(timeval_of(real_time_now())));
  TRY(zone.write_if_wanted({0, 0}));
  return 0;
}

// Time zones are the C library's business; the kernel keeps none.
Result<long> sys_settimeofday(Context& context, UserPtr<Timeval> pointer, UserPtr<Timezone> zone) {
  Nanoseconds now = 0;
  if (pointer) now = TRY(time_to_set(TRY(duration_from(TRY(pointer.read())))));
  if (!context.process.credentials().privileged() || !context.container.is_host()) return Error::perm;
  if (zone) {
    const Timezone wanted = TRY(zone.read());
    if (wanted.tz_minuteswest != 0 || wanted.tz_dsttime != 0) return Error::inval;
  }
  if (pointer) set_real_time(now);
  return 0;
}

Result<long> sys_time(Context&, UserPtr<long> now) {
  const long seconds = timespec_of(real_time_now()).tv_sec;
  TRY(now.write_if_wanted(seconds));
  return seconds;
}

Result<long> sys_times(Context& context, UserPtr<Tms> result) {
  const ResourceUsage own = usage_of(context.process), children = usage_of_children(context.process);
  TRY(result.write_if_wanted({own.user_time / nanoseconds_per_tick, own.system_time / nanoseconds_per_tick,
                              children.user_time / nanoseconds_per_tick, children.system_time / nanoseconds_per_tick}));
  return arch::monotonic_now() / nanoseconds_per_tick;
}

}  // namespace cv6::linux_abi
