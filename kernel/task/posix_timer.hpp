// One timer of timer_create(2).
#pragma once

#include "task/process_timers.hpp"

namespace cv6 {

class PosixTimer final : public SignalTimer {
 public:
  PosixTimer(UserThread& creator, int number, const PosixTimerRequest& request)
      : process_(creator.process()), creator_(&creator), number_(number), request_(request) {}

  TimerClock clock() const { return request_.clock; }
  bool counts_processor_time() const { return request_.clock >= TimerClock::process_cpu; }
  Nanoseconds now(const UserThread& caller) const;  // on its clock
  Expiry current();
  Expiry change(const Expiry& fresh);
  // Looks at a timer of processor time; true: it is still running.
  bool check(UserThread& thread);
  int overrun() const { return overrun_.load(std::memory_order_relaxed); }

 private:
  void expired(std::uint64_t missed) override { notify(missed); }
  void notify(std::uint64_t missed);

  Process& process_;
  const UserThread* creator_;  // TimerClock::thread_cpu counts its time; only compared
  int number_;
  PosixTimerRequest request_;
  std::atomic<int> overrun_{0};  // of the last signal
  SpinLock cpu_lock_{Rank::signals};
  Expiry cpu_expiry_ GUARDED_BY(cpu_lock_);
};

}  // namespace cv6
