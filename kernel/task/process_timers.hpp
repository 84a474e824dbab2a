// The timers of a process: made when the first one is needed. Private to task/ (interval_timers.cpp, posix_timers.cpp,
// cpu_timers.cpp).
//
// Timers of wall-clock time are Timers of the scheduler: their action runs in an interrupt and only sends the signal.
// Timers of CPU time are looked at by the process's own threads, each time the clock interrupts them in user mode.
// `mutex` covers everything, but for what an action touches: the signal and, of a POSIX timer, `waits_for_delivery`.
//
// What is periodic goes on when its signal has been taken for delivery, with the first period that is still to come: nothing
// happens for a process that takes no signals, however short the periods and however many the timers. One whose signal is
// ignored rests until it is ignored no more; one that sends none (SIGEV_NONE) is only calculated when somebody asks.
#pragma once

#include <atomic>

#include "lib/tree.hpp"
#include "sched/mutex.hpp"
#include "sched/timer.hpp"
#include "task/interval_timers.hpp"
#include "task/pending_signals.hpp"

namespace cv6 {

// What is left of a setting when its clock says `now`; of one that rests, as if it had gone on. `expires` never: not running.
TimerSetting time_left(Nanoseconds expires, Nanoseconds interval, Nanoseconds now);
// When a time will have passed: not `never`.
inline Nanoseconds saturated_sum(Nanoseconds a, Nanoseconds b) {
  Nanoseconds sum;
  return __builtin_add_overflow(a, b, &sum) ? never - 1 : sum;
}

// ITIMER_REAL.
class RealTimer : public Timer {
 public:
  explicit RealTimer(Process& process) : Timer(&expired), process_(process) {}
  TimerSetting setting() const;
  TimerSetting set(const TimerSetting& fresh);  // returns what was
  void go_on();                                 // if it is periodic and has expired

 private:
  static void expired(Timer& timer);
  Process& process_;
  Nanoseconds expires_ = never;
  Nanoseconds interval_ = 0;
};

// A point on a clock of CPU time.
struct CpuTimer {
  Nanoseconds expires = never;
  Nanoseconds interval = 0;
  // True: it has expired by `now`; if periodic, it is set to its next time.
  bool has_expired(Nanoseconds now);
  TimerSetting left(Nanoseconds now) const;
};

// timer_create(2). The periods that went by until its signal was delivered are its overrun. The signal is a part of it: it
// cannot fail for want of memory, and is never pending twice.
struct PosixTimer : Timer, Charged<PosixTimer, "posix_timer"> {
  PosixTimer(Process& owner, const PosixTimerRequest& what) : Timer(&expired), process(owner), request(what) {
    own_signal.of_timer = true;
  }
  ~PosixTimer() {
    if (own_signal.payer) own_signal.payer->queued_signals.fetch_sub(1, std::memory_order_relaxed);
  }
  static void expired(Timer& timer);
  void fire();
  bool counts_cpu_time() const {
    return request.clock == TimerClock::process_cpu || request.clock == TimerClock::thread_cpu;
  }
  bool sends() const { return request.notify != PosixTimerRequest::Notify::nothing; }
  // Threads must look whether it has expired: while its signal is pending they need not.
  bool needs_look() const {
    return counts_cpu_time() && sends() && expires != never && !waits_for_delivery.load(std::memory_order_relaxed);
  }
  // Who gets the signal; null: the process.
  UserThread* receiver() const { return request.notify == PosixTimerRequest::Notify::thread ? thread.get() : nullptr; }
  Nanoseconds now() const;  // on its clock; wall clocks: monotonic
  TimerSetting left() const { return time_left(expires, interval, now()); }
  void begin(Nanoseconds expires);
  // If it is periodic: with the first period that is still to come. How many have gone by since it expired.
  Nanoseconds go_on();

  Process& process;
  PosixTimerRequest request;
  int number = 0;
  Ref<UserThread> thread;        // whose CPU time, or who gets the signal
  Nanoseconds expires = never;   // monotonic clock, or CPU time
  Nanoseconds interval = 0;
  int overrun = 0;               // of the last delivery
  std::atomic<bool> waits_for_delivery{false};  // it has expired: what is periodic rests
  QueuedSignal own_signal;       // process lock; its payer is charged as long as the timer exists
  TreeNode node;
};

class ProcessTimers {
 public:
  explicit ProcessTimers(Process& process) : real(process) {}

  Mutex mutex;
  RealTimer real;
  CpuTimer virtual_timer, profile_timer;
  Nanoseconds next_limit_signal = never;  // RLIMIT_CPU
  struct ByNumber {
    int operator()(const PosixTimer& timer) const { return timer.number; }
  };
  Tree<PosixTimer, &PosixTimer::node, ByNumber> posix;
  // One of CPU time is running: threads look at each clock interrupt.
  std::atomic<bool> watch_cpu_time{false};
  void update_watch();
};

// Error::nomem.
Result<ProcessTimers*> timers_of(Process& process);

// A signal that may be that of a timer, of which there are some, has been taken for delivery: the overrun goes into `info`, and
// the timer goes on.
void settle_timer_signal(Process& process, SignalInfo& info);

// In the clock interrupt, for the thread it came upon.
inline void note_clock_interrupt(UserThread& thread, const ProcessTimers* timers) {
  if (timers && timers->watch_cpu_time.load(std::memory_order_relaxed)) thread.add_work(UserThread::work_timers);
}

}  // namespace cv6
