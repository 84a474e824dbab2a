#include "task/signal_handlers.hpp"

namespace cv6 {

Result<Ref<SignalHandlers>> SignalHandlers::create() { return make<SignalHandlers>(); }

Result<Ref<SignalHandlers>> SignalHandlers::copy() {
  Ref<SignalHandlers> fresh = TRY(make<SignalHandlers>());
  SpinGuard guard(lock_);
  fresh->take_over(*this);
  return fresh;
}

// The fresh one is nobody else's yet, so its lock is not needed.
void SignalHandlers::take_over(const SignalHandlers& other) NO_THREAD_SAFETY_ANALYSIS {
  for (int number = 1; number <= signal::last; ++number)
    if (other.changed_.contains(number)) actions_[number - 1] = other.actions_[number - 1];
  changed_ = other.changed_;
  ignored_.store(other.ignored_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

SignalAction SignalHandlers::get(int number) {
  SpinGuard guard(lock_);
  return actions_[number - 1];
}

void SignalHandlers::change(int number, const SignalAction& action) {
  actions_[number - 1] = action;
  const bool by_default =
      action.handler == SignalAction::default_handler && signal::ignored_by_default.contains(number);
  SignalSet ignored(ignored_.load(std::memory_order_relaxed));
  if (by_default || action.handler == SignalAction::ignore_handler)
    ignored.add(number);
  else
    ignored.remove(number);
  ignored_.store(ignored.bits(), std::memory_order_relaxed);
}

SignalAction SignalHandlers::set(int number, const SignalAction& action) {
  SpinGuard guard(lock_);
  changed_.add(number);
  const SignalAction old = actions_[number - 1];
  change(number, action);
  return old;
}

SignalAction SignalHandlers::take_for_delivery(int number) {
  SpinGuard guard(lock_);
  const SignalAction taken = actions_[number - 1];
  if (taken.has_handler() && taken.flags & SignalAction::reset_handler) [[unlikely]] {
    SignalAction reset = taken;
    reset.handler = SignalAction::default_handler;
    change(number, reset);
  }
  return taken;
}

void SignalHandlers::reset() {
  SpinGuard guard(lock_);
  for (SignalSet rest = changed_; !rest.empty(); rest.remove(rest.first())) {
    const int number = rest.first();
    const bool ignored = actions_[number - 1].handler == SignalAction::ignore_handler;
    change(number, {.handler = ignored ? SignalAction::ignore_handler : SignalAction::default_handler});
  }
}

SignalHandlers::Sets SignalHandlers::sets() {
  Sets sets;
  SpinGuard guard(lock_);
  for (int number = 1; number <= signal::last; ++number) {
    if (actions_[number - 1].handler == SignalAction::ignore_handler) sets.ignored.add(number);
    if (actions_[number - 1].has_handler()) sets.caught.add(number);
  }
  return sets;
}

}  // namespace cv6
