// The timers of one process, as interval_timers.cpp, posix_timers.cpp and cpu_timers.cpp share them. Made when the first
// is set.
//
// A timer of elapsed time is a SignalTimer over the scheduler's Timer. One of processor time has a deadline in processor
// time, which the process's own threads look at on their way to user mode for as long as there is one
// (UserThread::work_timers).
#pragma once

#include "sched/mutex.hpp"
#include "sched/timer.hpp"
#include "task/interval_timers.hpp"

namespace cv6 {

// When something expires next, and what then: times of whatever clock it is for.
struct Expiry {
  Nanoseconds deadline = never;  // never: not running
  Nanoseconds interval = 0;      // 0: once
  bool running() const { return deadline != never; }
  // Moves the deadline on, beyond `now`; returns how many expiries were passed over.
  std::uint64_t advance(Nanoseconds now);
  TimerSetting setting(Nanoseconds now) const;
  static Expiry from(const TimerSetting& setting, Nanoseconds now);
};

class SignalTimer : private Timer {
 public:
  SignalTimer() : Timer(&SignalTimer::run) {}
  virtual ~SignalTimer() { stop(); }

  Expiry expiry();
  // One caller at a time (ProcessTimers::changing). Returns what was.
  Expiry set(const Expiry& fresh);
  void stop() { set(Expiry()); }

 protected:
  // It expired 1 + `missed` times. From the interrupt, without locks.
  virtual void expired(std::uint64_t missed) = 0;

 private:
  static void run(Timer& timer);
  SpinLock lock_{Rank::signals};
  Expiry expiry_ GUARDED_BY(lock_);
};

class PosixTimer;

class ProcessTimers {
 public:
  explicit ProcessTimers(Process& process);
  ~ProcessTimers();
  // The process's; made if there are none yet. Error::nomem.
  static Result<ProcessTimers*> of(Process& process);

  Process& process;
  Mutex changing;  // held by whoever sets or deletes timers

  class Alarm final : public SignalTimer {
   public:
    explicit Alarm(Process& process) : process_(process) {}

   private:
    void expired(std::uint64_t) override;
    Process& process_;
  } alarm;  // IntervalTimer::real

  // Of processor time: under cpu_lock.
  SpinLock cpu_lock{Rank::signals};
  Expiry virtual_time GUARDED_BY(cpu_lock), profile GUARDED_BY(cpu_lock);
  Nanoseconds next_cpu_warning GUARDED_BY(cpu_lock) = 0;  // RLIMIT_CPU: when SIGXCPU comes next

  Vector<Own<PosixTimer>> posix;  // by number; null: free. Under `changing`; the elements' own locks for the rest
};

// All threads look at the processor-time timers on their way to user mode from now on.
void watch_cpu_time(Process& process);
// Of posix_timers.cpp, for cpu_timers.cpp: those on clocks of processor time. True: there are some.
bool check_posix_cpu_timers(ProcessTimers& timers, UserThread& thread);

}  // namespace cv6
