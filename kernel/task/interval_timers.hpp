// Timers of a process that end in signals: setitimer(2), alarm(2), timer_create(2).
#pragma once

#include <algorithm>

#include "task/process.hpp"

namespace cv6 {

// --- setitimer(2), getitimer(2), alarm(2) -----------------------------------------------------------------------------
enum class IntervalTimer : std::uint8_t { real, virtual_, profile };  // SIGALRM, SIGVTALRM, SIGPROF
struct TimerSetting {
  Nanoseconds left = 0;      // until it expires; 0: not running
  Nanoseconds interval = 0;  // then again each; 0: once
};
// What is asked for, but long enough to leave the program time for something else, and so short that the time after the next
// can be told.
constexpr Nanoseconds possible_interval(Nanoseconds wanted) {
  constexpr Nanoseconds shortest = 10'000, longest = never / 2;
  return wanted ? std::clamp(wanted, shortest, longest) : 0;
}
TimerSetting interval_timer(Process& process, IntervalTimer which);
// Returns what was. Error::nomem.
Result<TimerSetting> set_interval_timer(Process& process, IntervalTimer which, const TimerSetting& setting);

// --- timer_create(2) and its kin --------------------------------------------------------------------------------------
enum class TimerClock : std::uint8_t { monotonic, real_time, process_cpu, thread_cpu };
struct PosixTimerRequest {
  TimerClock clock = TimerClock::monotonic;
  enum class Notify : std::uint8_t { nothing, signal, thread } notify = Notify::signal;
  int signal = signal::alarm;
  bool value_given = false;  // else the value is the timer's number
  std::uint64_t value = 0;
  int thread = 0;            // Notify::thread: its number
};
Result<int> create_timer(UserThread& caller, const PosixTimerRequest& request);  // Error::inval, again, nomem
Result<void> delete_timer(Process& process, int timer);                           // Error::inval
// Absolute: `setting.left` is a time on the timer's clock. Returns what was.
enum class TimerStart : std::uint8_t { relative, absolute };
Result<TimerSetting> set_timer(Process& process, int timer, const TimerSetting& setting, TimerStart start);
Result<TimerSetting> get_timer(Process& process, int timer);
Result<int> timer_overrun(Process& process, int timer);

// --- clocks of CPU time: clock_gettime(2) -----------------------------------------------------------------------------
Nanoseconds process_cpu_time(Process& process);

// --- for task/ --------------------------------------------------------------------------------------------------------
void drop_timers(Process& process);        // at its end
void drop_posix_timers(Process& process);  // exec
Result<void> watch_cpu_limit(Process& process);  // RLIMIT_CPU has changed. Error::nomem: nobody watches it
// The signal is ignored no more: the timers go on that have expired meanwhile. There are some.
void resume_timers(Process& process, int signal);
// The CPU-time timers (and RLIMIT_CPU) are looked at: on the way to user mode with UserThread::work_timers.
void check_cpu_timers(UserThread& thread);

}  // namespace cv6
