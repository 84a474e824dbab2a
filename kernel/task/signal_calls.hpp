// The calls a thread makes about its own signals: sigaction(2), sigprocmask(2), sigpending(2), sigsuspend(2),
// sigtimedwait(2), sigaltstack(2). (Masks: UserThread::set_mask.)
#pragma once

#include "task/interval_timers.hpp"
#include "task/process.hpp"

namespace cv6 {

// What the process does about a signal. Error::inval: there is no such signal.
Result<SignalAction> action_of(Process& process, int number);
// Nobody is told of the signal any more that is pending for the process or one of its threads.
void forget_pending(Process& process, int number) REQUIRES(process.lock());
// `action` becomes what the process does, and is then what it did. A signal that becomes ignored is no longer pending.
// Error::inval, also for those that no program can change.
inline Result<void> exchange_action(Process& process, int number, SignalAction& action) {
  if (!signal::valid(number) || signal::unblockable.contains(number)) return Error::inval;
  action.mask = action.mask - signal::unblockable;
  if (process.handlers().exchange(number, action)) {
    SpinGuard guard(process.lock());
    SignalSet pending = process.pending.set();
    for (const UserThread& thread : process.threads) pending = pending | thread.pending.set();
    // Another thread may have made it heard again meanwhile.
    if (pending.contains(number) && process.handlers().ignores(number)) [[unlikely]] forget_pending(process, number);
  } else if (process.timers) [[unlikely]] {
    resume_timers(process, number);
  }
  return {};
}

// The next signal for the thread that is not in `blocked`: it is not pending any more.
std::optional<SignalInfo> take_deliverable_signal(UserThread& thread, SignalSet blocked);
inline std::optional<SignalInfo> take_signal(UserThread& thread, SignalSet blocked) {
  // Only this thread takes signals of its own set, and a signal added after this look has work_signals set again.
  const SignalSet pending = thread.pending.set() | thread.process().pending.set();
  if ((pending - blocked).empty()) return {};
  return take_deliverable_signal(thread, blocked);
}

SignalSet pending_signals(UserThread& thread);  // sigpending(2): blocked ones that have been sent

// Always Error::restart_unhandled, which ends as EINTR: a handler has run.
Result<void> suspend_until_signal(UserThread& thread, SignalSet mask);
// pause(2)
Result<void> pause(UserThread& thread);

// Error::again: none until the deadline (monotonic clock; `never`: none). Error::intr: another signal's handler ran.
// restart_unhandled, restart_timed (if there is a deadline): the thread is to stand still (standstill.hpp) meanwhile.
Result<SignalInfo> wait_for_signal(UserThread& thread, SignalSet wanted, Nanoseconds deadline);

// `fresh` null: only asks. Returns what was (flags with on_stack if it is in use). Error::perm: in use; Error::inval:
// flags; Error::nomem: too small.
Result<AlternateStack> change_alternate_stack(UserThread& thread, const AlternateStack* fresh,
                                              std::uintptr_t stack_pointer);

}  // namespace cv6
