#include "task/signal_calls.hpp"

#include "sched/scheduler.hpp"
#include "task/process_timers.hpp"
#include "task/send_signal.hpp"
#include "task/standstill.hpp"

namespace cv6 {

Result<SignalAction> action_of(Process& process, int number) {
  if (!signal::valid(number)) return Error::inval;
  return process.handlers().get(number);
}

void forget_pending(Process& process, int number) {
  process.pending.discard(SignalSet::of(number));
  for (UserThread& thread : process.threads) thread.pending.discard(SignalSet::of(number));
}

namespace {

// The thread's own ones come first.
std::optional<SignalInfo> take_pending(UserThread& thread, SignalSet blocked) {
  SpinGuard guard(thread.process().lock());
  const bool own = !(thread.pending.set() - blocked).empty();
  auto info = own ? thread.pending.take(blocked) : thread.process().pending.take(blocked);
  if (info && signal::stopping.contains(info->number)) [[unlikely]] thread.took_stop = true;
  return info;
}

}  // namespace

std::optional<SignalInfo> take_deliverable_signal(UserThread& thread, SignalSet blocked) {
  std::optional<SignalInfo> info = take_pending(thread, blocked);
  if (thread.process().timers && info) [[unlikely]]
    settle_timer_signal(thread.process(), *info);
  return info;
}

SignalSet pending_signals(UserThread& thread) {
  return (thread.pending.set() | thread.process().pending.set()) & thread.mask();
}

namespace {

// Only an interruption ends this.
void sleep_until_interrupted(Nanoseconds deadline = never) {
  Event event;
  (void)sleep_until_raised(event, Wait::interruptible, deadline);
}

}  // namespace

Result<void> suspend_until_signal(UserThread& thread, SignalSet mask) {
  thread.set_temporary_mask(mask);
  return pause(thread);
}

Result<void> pause(UserThread&) {
  sleep_until_interrupted();
  return Error::restart_unhandled;
}

namespace {

// Why a wait for signals ends without one. Error::intr: another one, not blocked, whose handler comes first; or the thread is
// to end, or to stop. restart_*: it is to stand still, and then waits on.
Result<void> check_may_wait_on(UserThread& thread, Nanoseconds deadline) {
  Process& process = thread.process();
  const SignalSet pending = thread.pending.set() | process.pending.set();
  if (process.ending() || !(pending - thread.mask()).empty()) return Error::intr;
  SpinGuard guard(process.lock());
  if (process.stopping || (process.executing && process.executing != &thread)) return Error::intr;
  if (must_stand_still(thread)) return deadline == never ? Error::restart_unhandled : Error::restart_timed;
  return {};
}

}  // namespace

Result<SignalInfo> wait_for_signal(UserThread& thread, SignalSet wanted, Nanoseconds deadline) {
  wanted = wanted - signal::unblockable;
  const SignalSet others = SignalSet::all() - wanted;
  if (const auto info = take_signal(thread, others)) return *info;
  // Senders look at this after they have added a signal, so none is missed.
  thread.awaited_signals.store(wanted.bits(), std::memory_order_seq_cst);
  Result<SignalInfo> outcome = Error::again;
  while (true) {
    if (const auto info = take_signal(thread, others)) {
      outcome = *info;
      break;
    }
    if (const auto on = check_may_wait_on(thread, deadline); !on) {
      outcome = on.error();
      break;
    }
    Event event;
    const auto slept = sleep_until_raised(event, Wait::interruptible, deadline);
    if (!slept && slept.error() == Error::timedout) {
      if (const auto info = take_signal(thread, others)) outcome = *info;
      break;
    }
    thread.clear_interruption();  // work_signals stays: the way to user mode looks again
  }
  thread.awaited_signals.store(0, std::memory_order_seq_cst);
  pass_on_pending(thread, wanted);
  return outcome;
}

Result<AlternateStack> change_alternate_stack(UserThread& thread, const AlternateStack* fresh,
                                              std::uintptr_t stack_pointer) {
  AlternateStack old = thread.alternate_stack;
  const bool in_use = old.size != 0 && !(old.flags & AlternateStack::auto_disarm) && old.contains(stack_pointer);
  if (old.size == 0)
    old.flags = AlternateStack::disabled;
  else if (in_use)
    old.flags |= AlternateStack::on_stack;
  if (!fresh) return old;
  if (in_use) return Error::perm;
  const int mode = fresh->flags & ~AlternateStack::auto_disarm;
  if (mode != 0 && mode != AlternateStack::disabled && mode != AlternateStack::on_stack) return Error::inval;
  if (mode == AlternateStack::disabled) {
    thread.alternate_stack = AlternateStack();
    return old;
  }
  if (fresh->size < AlternateStack::minimum_size) return Error::nomem;
  thread.alternate_stack = {fresh->base, fresh->size, fresh->flags & AlternateStack::auto_disarm};
  return old;
}

}  // namespace cv6
