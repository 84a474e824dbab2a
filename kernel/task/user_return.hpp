// The last thing before user mode. Every way there (the end of a system call, of a fault, of an interrupt; a thread's
// first step) asks has_return_work() and, rarely, calls return_to_user_work().
//
// An ABI's on_system_call is:
//   thread.entered_kernel();  result = handler(...);
//   if the result is one of Error::restart_*: end_interrupted_call(thread, registers, error) else registers.set_result(...)
//   if (has_return_work(thread)) return_to_user_work(thread, registers);
//   thread.leaves_kernel();
#pragma once

#include "sched/scheduler.hpp"
#include "task/user_thread.hpp"

namespace cv6 {

// The processor may be wanted as well, but that shows in interrupts only (on_user_interrupted).
inline bool has_return_work(const UserThread& thread) { return thread.has_work(); }

// Gives the processor up if it is wanted, ends or stops the thread if that is due, delivers signals, decides what becomes
// of an interrupted call, and loads the floating-point registers. May not return.
void return_to_user_work(UserThread& thread, arch::UserRegisters& registers);

// One of Error::restart_*, which no program sees.
constexpr bool is_restart(Error error) { return error >= Error::restart_if_asked; }
static_assert(is_restart(Error::restart_unhandled) && is_restart(Error::restart_timed) && !is_restart(Error::notrecoverable));

// The call that `registers` ends was interrupted. It gets EINTR as its result, or is made again: decided when the signals
// are delivered, by what kind of interruption it is and what handlers run. `registers` are still those of the call.
void end_interrupted_call(UserThread& thread, arch::UserRegisters& registers, Error restart);

}  // namespace cv6
