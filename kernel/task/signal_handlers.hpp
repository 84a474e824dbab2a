// The dispositions of a process: what it does about each signal. Shared by clone(CLONE_SIGHAND), else copied.
// The lock (Rank::signals) is the last one taken of those around signals: after the process's lock.
#pragma once

#include <array>

#include "lib/ref.hpp"
#include "mm/object_cache.hpp"
#include "sync/spin_lock.hpp"
#include "task/signal.hpp"

namespace cv6 {

class SignalHandlers : public Counted<SignalHandlers>, public Cached<SignalHandlers, "signal_handlers"> {
 public:
  // All default.
  static Result<Ref<SignalHandlers>> create();
  Result<Ref<SignalHandlers>> copy();

  SignalAction get(int number);
  // Returns what was before. `number` is valid and neither kill nor stop.
  SignalAction set(int number, const SignalAction& action);
  // For delivery: the action, and its reset to default where it says so (SA_RESETHAND), in one step.
  SignalAction take_for_delivery(int number);
  // exec(3): what has a handler becomes default, what is ignored stays so. CLONE_CLEAR_SIGHAND does the same.
  void reset();
  // The signal would do nothing if it were delivered now.
  bool ignores(int number);
  // A handler is set, and with flags: for the default-or-not decisions of senders.
  SignalSet ignored();

  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);

 private:
  SignalHandlers() = default;

  SpinLock lock_{Rank::signals};
  std::array<SignalAction, signal::last> actions_ GUARDED_BY(lock_);
};

}  // namespace cv6
