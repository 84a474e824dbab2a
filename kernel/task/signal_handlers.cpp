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
}

SignalAction SignalHandlers::get(int number) {
  SpinGuard guard(lock_);
  return actions_[number - 1];
}

SignalAction SignalHandlers::set(int number, const SignalAction& action) {
  SpinGuard guard(lock_);
  changed_.add(number);
  return std::exchange(actions_[number - 1], action);
}

SignalAction SignalHandlers::take_for_delivery(int number) {
  SpinGuard guard(lock_);
  SignalAction& action = actions_[number - 1];
  const SignalAction taken = action;
  if (taken.has_handler() && taken.flags & SignalAction::reset_handler) action.handler = SignalAction::default_handler;
  return taken;
}

void SignalHandlers::reset() {
  SpinGuard guard(lock_);
  for (SignalSet rest = changed_; !rest.empty(); rest.remove(rest.first())) {
    SignalAction& action = actions_[rest.first() - 1];
    const bool ignored = action.handler == SignalAction::ignore_handler;
    action = SignalAction();
    if (ignored) action.handler = SignalAction::ignore_handler;
  }
}

bool SignalHandlers::ignores(int number) {
  SpinGuard guard(lock_);
  return ignores_locked(number);
}

bool SignalHandlers::ignores_locked(int number) {
  const std::uintptr_t handler = actions_[number - 1].handler;
  if (handler == SignalAction::default_handler) return default_action(number) == DefaultAction::ignore;
  return handler == SignalAction::ignore_handler;
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
