// Timers that end in signals: alarm(2), setitimer(2), timer_create(2).
#include "abi/linux/clocks.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "task/interval_timers.hpp"

namespace cv6::linux_abi {
namespace {

Result<IntervalTimer> interval_timer_of(int which) {
  if (which < 0 || which > 2) return Error::inval;
  return static_cast<IntervalTimer>(which);  // ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF
}

Itimerval itimerval_of(const TimerSetting& setting) {
  return {.it_interval = timeval_of(setting.interval), .it_value = timeval_of(setting.left)};
}
Itimerspec itimerspec_of(const TimerSetting& setting) {
  return {.it_interval = timespec_of(setting.interval), .it_value = timespec_of(setting.left)};
}
template <class Value>
Result<TimerSetting> setting_from(const Value& value) {
  return TimerSetting{.left = TRY(duration_from(value.it_value)), .interval = TRY(duration_from(value.it_interval))};
}

Result<TimerClock> timer_clock(int clock) {
  switch (clock) {
    case clock_realtime:
    case clock_realtime_alarm:
    case clock_tai: return TimerClock::real_time;
    case clock_monotonic:
    case clock_boottime:
    case clock_boottime_alarm: return TimerClock::monotonic;
    case clock_process_cputime_id: return TimerClock::process_cpu;
    case clock_thread_cputime_id: return TimerClock::thread_cpu;
    // The caller's own, as the C library names them (clocks.hpp: ~0 << 3 and the kind).
    case ~7 | 2: return TimerClock::process_cpu;
    case ~7 | 6: return TimerClock::thread_cpu;
    default: return Error::inval;
  }
}

}  // namespace

// Seconds are rounded to the nearest, but what runs is never said to be at its end (alarm(2)).
Result<long> sys_alarm(Context& context, unsigned seconds) {
  const TimerSetting before = TRY(set_interval_timer(context.process, IntervalTimer::real,
                                                     {.left = seconds * nanoseconds_per_second, .interval = 0}));
  const bool up = before.left % nanoseconds_per_second >= nanoseconds_per_second / 2;
  const long whole = before.left / nanoseconds_per_second + up;
  return whole == 0 && before.left > 0 ? 1 : whole;
}

Result<long> sys_getitimer(Context& context, int which, UserPtr<Itimerval> value) {
  TRY(value.write(itimerval_of(interval_timer(context.process, TRY(interval_timer_of(which))))));
  return 0;
}

Result<long> sys_setitimer(Context& context, int which, UserPtr<Itimerval> value, UserPtr<Itimerval> before) {
  const IntervalTimer timer = TRY(interval_timer_of(which));
  TimerSetting setting;  // a null pointer stops the timer, as it always has
  if (value) setting = TRY(setting_from(TRY(value.read())));
  const TimerSetting old = TRY(set_interval_timer(context.process, timer, setting));
  TRY(before.write_if_wanted(itimerval_of(old)));
  return 0;
}

Result<long> sys_timer_create(Context& context, int clock, UserPtr<Sigevent> event_pointer, UserPtr<int> id) {
  PosixTimerRequest request{.clock = TRY(timer_clock(clock))};
  if (event_pointer) {
    const Sigevent event = TRY(event_pointer.read());
    switch (event.notify) {
      case sigev_none: request.notify = PosixTimerRequest::Notify::nothing; break;
      case sigev_signal: request.notify = PosixTimerRequest::Notify::signal; break;
      case sigev_thread_id | sigev_signal:
        request.notify = PosixTimerRequest::Notify::thread;
        request.thread = event.notify_thread;
        break;
      default: return Error::inval;
    }
    if (event.notify != sigev_none && !signal::valid(event.signo)) return Error::inval;
    request.signal = event.signo;
    request.value_given = true;
    request.value = event.value;
  }
  const int timer = TRY(create_timer(context.thread, request));
  if (const auto written = id.write(timer); !written) {
    TRY(delete_timer(context.process, timer));
    return written.error();
  }
  return 0;
}

Result<long> sys_timer_settime(Context& context, int id, Flags flags, UserPtr<Itimerspec> value,
                               UserPtr<Itimerspec> before) {
  if (!value) return Error::inval;
  const TimerSetting setting = TRY(setting_from(TRY(value.read())));
  const TimerStart start = flags.has(timer_abstime) ? TimerStart::absolute : TimerStart::relative;
  const TimerSetting old = TRY(set_timer(context.process, id, setting, start));
  TRY(before.write_if_wanted(itimerspec_of(old)));
  return 0;
}

Result<long> sys_timer_gettime(Context& context, int id, UserPtr<Itimerspec> value) {
  TRY(value.write(itimerspec_of(TRY(get_timer(context.process, id)))));
  return 0;
}

Result<long> sys_timer_getoverrun(Context& context, int id) { return TRY(timer_overrun(context.process, id)); }

Result<long> sys_timer_delete(Context& context, int id) {
  TRY(delete_timer(context.process, id));
  return 0;
}

}  // namespace cv6::linux_abi
