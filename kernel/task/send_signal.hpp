// Sending signals: kill(2), tkill(2), tgkill(2), sigqueue(3), and what the kernel itself sends.
//
// Who may send: root, and whoever's real or effective user is the receiver's real or saved one; SIGCONT within a session
// as well. Only what the sender's container sees is found at all.
#pragma once

#include "task/process.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

// --- calls: Error::inval (number), srch, perm, again. Signal 0 only checks. -------------------------------------------
// kill(2): `target` > 0 a process, 0 the caller's group, -1 all but the caller and the first process, < -1 a group.
Result<void> send_signal_to(Process& caller, int target, int number);
// tgkill(2); process 0: tkill(2).
Result<void> send_signal_to_thread(Process& caller, int process, int thread, int number);
// rt_sigqueueinfo(2), rt_tgsigqueueinfo(2) (thread != 0). Error::perm for a code >= 0 or SI_TKILL to others.
Result<void> queue_signal(Process& caller, int process, int thread, const SignalInfo& info);

// --- the kernel's own -------------------------------------------------------------------------------------------------
// No lock of the process held; the tree lock may be. Stop and continue signals act on each other here; what nobody would
// notice is dropped. `sender`'s user is checked against its RLIMIT_SIGPENDING; null: the kernel, whose real-time signals
// (clone(2), PR_SET_PDEATHSIG) the receiver pays for, as if it had sent them.
Result<void> deliver(Process& process, const SignalInfo& info, Process* sender = nullptr);
Result<void> deliver(UserThread& thread, const SignalInfo& info, Process* sender = nullptr);
// The kernel's, to one of its threads; its lock is held.
void deliver_locked(Process& process, UserThread& thread, const SignalInfo& info) REQUIRES(process.lock());
// A thread takes these signals no more: what the process has pending of them, and may have woken this thread for, is for
// others. After the mask has changed, or what is awaited: senders look at those when they have made a signal pending.
void pass_on_pending(UserThread& thread, SignalSet given_up);
// The same by a thread that has left its process.
void pass_on_pending_locked(Process& process, SignalSet given_up) REQUIRES(process.lock());
// A timer's own signal: to the process, or to a thread of it. What is pending still is not sent again.
void deliver_of_timer(Process& process, UserThread* thread, QueuedSignal& signal);
void deliver_to_group(ProcessGroup& group, const SignalInfo& info) REQUIRES(process_tree_lock);
// A signal without a sender (SI_KERNEL).
SignalInfo kernel_signal(int number);
// What the caller sends with kill(2), as `receiver` sees it.
SignalInfo signal_from(Process& sender, Process& receiver, int number, int code);
// SIGPIPE and SIGXFSZ: to the calling thread, for an error that a call is about to return.
void signal_self(UserThread& thread, int number);

// A fault of the thread itself: cannot be blocked or ignored; if it is, its disposition becomes default.
void force_signal(UserThread& thread, const SignalInfo& info);

// The process may be sent signals by the caller. Error::perm.
Result<void> check_may_signal(Process& caller, Process& target, int number);

}  // namespace cv6
