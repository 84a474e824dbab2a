// What a thread does about its signals, and sending them: sigaction(2), sigprocmask(2), sigsuspend(2), kill(2), ...
// rt_sigreturn is in signal_frame.cpp.
#include "abi/linux/handlers.hpp"
#include "abi/linux/signal_types.hpp"
#include "abi/linux/times.hpp"
#include "abi/support.hpp"
#include "task/send_signal.hpp"
#include "task/signal_calls.hpp"

namespace cv6::linux_abi {

Result<long> sys_rt_sigaction(Context& context, SignalNumber signal, UserPtr<Sigaction> action, UserPtr<Sigaction> before,
                              std::size_t set_size) {
  if (set_size != sigset_size) return Error::inval;
  Sigaction exchanged;
  if (action) {
    TRY(action.read_into(exchanged));
    TRY(exchange_action(context.process, signal.number, exchanged));
  } else {
    exchanged = TRY(action_of(context.process, signal.number));
  }
  if (before) TRY(before.write(exchanged));
  return 0;
}

Result<long> sys_rt_sigprocmask(Context& context, int how, UserPtr<std::uint64_t> set, UserPtr<std::uint64_t> before,
                                std::size_t set_size) {
  constexpr int block = 0, unblock = 1, replace = 2;
  if (set_size != sigset_size) return Error::inval;
  const SignalSet old = context.thread.mask();
  if (set) {
    const SignalSet given(TRY(set.read()));
    switch (how) {
      case block: context.thread.set_mask(old | given); break;
      case unblock: context.thread.set_mask(old - given); break;
      case replace: context.thread.set_mask(given); break;
      default: return Error::inval;
    }
  }
  TRY(before.write_if_wanted(old.bits()));
  return 0;
}

Result<long> sys_rt_sigpending(Context& context, UserPtr<std::uint64_t> set, std::size_t set_size) {
  if (set_size > sigset_size) return Error::inval;
  const std::uint64_t bits = pending_signals(context.thread).bits();
  if (arch::copy_to_user(set.address(), &bits, set_size) != 0) return Error::fault;
  return 0;
}

Result<long> sys_rt_sigsuspend(Context& context, UserPtr<std::uint64_t> mask, std::size_t set_size) {
  if (set_size != sigset_size) return Error::inval;
  TRY(suspend_until_signal(context.thread, SignalSet(TRY(mask.read()))));
  return 0;
}

namespace {

Result<long> wait_for_signal_until(UserThread& thread, SignalSet wanted, UserPtr<Siginfo> info, Nanoseconds deadline) {
  const auto taken = wait_for_signal(thread, wanted, deadline);
  if (taken) {
    TRY(info.write_if_wanted(siginfo_of(*taken)));
    return taken->number;
  }
  if (taken.error() == Error::restart_timed)
    thread.timed_restart = {
        .again = [](UserThread& again, const TimedRestart& state) {
          return wait_for_signal_until(again, SignalSet(state.arguments[0]), UserPtr<Siginfo>(state.arguments[1]),
                                       static_cast<Nanoseconds>(state.arguments[2]));
        },
        .arguments = {wanted.bits(), info.address(), static_cast<std::uint64_t>(deadline)}};
  return taken.error();
}

}  // namespace

Result<long> sys_rt_sigtimedwait(Context& context, UserPtr<std::uint64_t> set, UserPtr<Siginfo> info,
                                 UserPtr<Timespec> timeout, std::size_t set_size) {
  if (set_size != sigset_size) return Error::inval;
  const SignalSet wanted = SignalSet(TRY(set.read())) - signal::unblockable;
  Nanoseconds deadline = never;
  if (timeout) deadline = deadline_after(arch::monotonic_now(), TRY(duration_from(TRY(timeout.read()))));
  return wait_for_signal_until(context.thread, wanted, info, deadline);
}

Result<long> sys_rt_sigqueueinfo(Context& context, int pid, SignalNumber signal, UserPtr<Siginfo> pointer) {
  const Siginfo info = TRY(pointer.read());
  TRY(queue_signal(context.process, pid, 0, queued_info_from(signal.number, info)));
  return 0;
}

Result<long> sys_rt_tgsigqueueinfo(Context& context, int pid, int tid, SignalNumber signal, UserPtr<Siginfo> pointer) {
  if (pid <= 0 || tid <= 0) return Error::inval;
  const Siginfo info = TRY(pointer.read());
  TRY(queue_signal(context.process, pid, tid, queued_info_from(signal.number, info)));
  return 0;
}

Result<long> sys_sigaltstack(Context& context, UserPtr<StackT> stack, UserPtr<StackT> before) {
  AlternateStack fresh;
  if (stack) fresh = stack_from(TRY(stack.read()));
  const AlternateStack old =
      TRY(change_alternate_stack(context.thread, stack ? &fresh : nullptr, context.registers.stack_pointer()));
  TRY(before.write_if_wanted(stack_of(old)));
  return 0;
}

Result<long> sys_kill(Context& context, int pid, SignalNumber signal) {
  TRY(send_signal_to(context.process, pid, signal.number));
  return 0;
}

Result<long> sys_tkill(Context& context, int tid, SignalNumber signal) {
  if (tid <= 0) return Error::inval;
  TRY(send_signal_to_thread(context.process, 0, tid, signal.number));
  return 0;
}

Result<long> sys_tgkill(Context& context, int pid, int tid, SignalNumber signal) {
  if (pid == 0) return Error::inval;  // it would mean any process
  TRY(send_signal_to_thread(context.process, pid, tid, signal.number));
  return 0;
}

Result<long> sys_pause(Context& context) {
  TRY(pause(context.thread));
  return 0;
}

// Made by the kernel's own hand, in place of a call that a signal interrupted; a program that makes it gets EINTR.
Result<long> sys_restart_syscall(Context& context) {
  const TimedRestart state = std::exchange(context.thread.timed_restart, {});
  if (!state.again) return Error::intr;
  return state.again(context.thread, state);
}

}  // namespace cv6::linux_abi
