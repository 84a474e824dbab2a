// The dispositions of a process: what it does about each signal. Shared by clone(CLONE_SIGHAND), else copied.
// The lock (Rank::signals) is the last one taken of those around signals: after the process's lock.
#pragma once

#include <array>
#include <atomic>
#include <utility>

#include "lib/ref.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"
#include "task/signal.hpp"

namespace cv6 {

class SignalHandlers : public Counted<SignalHandlers>, public Charged<SignalHandlers, "signal_handlers"> {
 public:
  // All default.
  static Result<Ref<SignalHandlers>> create();
  Result<Ref<SignalHandlers>> copy();

  SignalAction get(int number);
  // `number` is valid and neither kill nor stop.
  void set(int number, const SignalAction& action);
  // The same; `action` becomes what was before. True: the signal is ignored now.
  bool exchange(int number, SignalAction& action);
  // For delivery: the action, and its reset to default where it says so (SA_RESETHAND), in one step.
  SignalAction take_for_delivery(int number);
  // exec(3): what has a handler becomes default, what is ignored stays so. CLONE_CLEAR_SIGHAND does the same.
  void reset();
  // The signal would do nothing if it were delivered now. Without the lock.
  bool ignores(int number) const { return SignalSet(ignored_.load(std::memory_order_relaxed)).contains(number); }
  // For /proc.
  struct Sets {
    SignalSet ignored, caught;
  };
  Sets sets();

  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);

 private:
  SignalHandlers() = default;
  void take_over(const SignalHandlers& other);
  void change(int number, const SignalAction& action) REQUIRES(lock_);
  bool note_ignored(int number, const SignalAction& action) REQUIRES(lock_);

  SpinLock lock_{Rank::signals};
  std::array<SignalAction, signal::last> actions_ GUARDED_BY(lock_) = {};
  SignalSet changed_ GUARDED_BY(lock_);  // what was ever set: all others are as they were made, so need no copying
  std::atomic<std::uint64_t> ignored_{signal::ignored_by_default.bits()};  // follows from actions_
};

}  // namespace cv6
