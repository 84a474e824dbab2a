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
  for (SignalSet rest = other.changed_; !rest.empty(); rest.remove(rest.first()))
    actions_[rest.first() - 1] = other.actions_[rest.first() - 1];
  changed_ = other.changed_;
  ignored_.store(other.ignored_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

SignalAction SignalHandlers::get(int number) {
  SpinGuard guard(lock_);
  return actions_[number - 1];
}

bool SignalHandlers::note_ignored(int number, const SignalAction& action) {
  const SignalSet all(ignored_.load(std::memory_order_relaxed)), one = SignalSet::of(number);
  const bool ignored = action.handler == SignalAction::ignore_handler ||
                       (action.handler == SignalAction::default_handler && signal::ignored_by_default.contains(number));
  ignored_.store((ignored ? all | one : all - one).bits(), std::memory_order_relaxed);
  return ignored;
}

void SignalHandlers::change(int number, const SignalAction& action) {
  actions_[number - 1] = action;
  note_ignored(number, action);
}

void SignalHandlers::set(int number, const SignalAction& action) {
  SpinGuard guard(lock_);
  changed_.add(number);
  change(number, action);
}

bool SignalHandlers::exchange(int number, SignalAction& action) {
  SpinGuard guard(lock_);
  changed_.add(number);
  const bool ignored = note_ignored(number, action);
  swap(actions_[number - 1], action);
  return ignored;
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
