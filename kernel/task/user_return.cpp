#include "task/user_return.hpp"

#include "task/abi_operations.hpp"
#include "task/exit.hpp"
#include "task/job_stops.hpp"
#include "task/messages.hpp"
#include "task/process.hpp"
#include "task/process_timers.hpp"
#include "task/scheduler_log.hpp"
#include "task/send_signal.hpp"
#include "task/signal_calls.hpp"
#include "task/standstill.hpp"
#include "task/start_user.hpp"

namespace cv6 {

namespace {

// How an interrupted call ends when a handler is about to run (`action`), or when none is.
void settle_interrupted_call(UserThread& thread, arch::UserRegisters& registers, const SignalAction* action) {
  if (!thread.has_work(UserThread::work_restart)) return;
  thread.remove_work(UserThread::work_restart);
  const AbiOperations& abi = thread.process().abi();
  const bool asked = action && action->flags & SignalAction::restart;
  if (action && !(asked && thread.call_error == Error::restart_if_asked)) return;  // EINTR, as set already
  if (thread.call_error == Error::restart_timed)
    registers.restart_call(abi.restart_call_number());
  else
    registers.restart_call();
}

// Where the frame of a handler goes.
std::uintptr_t stack_for(const UserThread& thread, const arch::UserRegisters& registers, const SignalAction& action) {
  const AlternateStack& alternate = thread.alternate_stack;
  const std::uintptr_t now = registers.stack_pointer();
  if (!(action.flags & SignalAction::on_stack) || alternate.size == 0 || alternate.contains(now)) return now;
  return alternate.base + alternate.size;
}

void run_handler(UserThread& thread, arch::UserRegisters& registers, const SignalInfo& info,
                 const SignalAction& action) {
  settle_interrupted_call(thread, registers, &action);
  const SignalSet saved = thread.take_saved_mask();
  const std::uintptr_t stack = stack_for(thread, registers, action);
  if (!thread.process().abi().push_signal_frame(thread, registers, info, action, stack, saved)) {
    // No room for the frame. If it is the handler of SIGSEGV itself that cannot run, there is nobody left to tell.
    if (info.number == signal::segmentation) thread.process().handlers().set(signal::segmentation, SignalAction());
    thread.set_mask(saved);
    return force_signal(thread, kernel_signal(signal::segmentation));
  }
  if (thread.alternate_stack.flags & AlternateStack::auto_disarm) thread.alternate_stack = AlternateStack();
  SignalSet blocked = action.mask;
  if (!(action.flags & SignalAction::no_defer)) blocked.add(info.number);
  thread.block(blocked);
}

void act_by_default(UserThread& thread, const SignalInfo& info) {
  switch (default_action(info.number)) {
    case DefaultAction::ignore:
    case DefaultAction::continue_:
      return;
    case DefaultAction::stop:
      return begin_stop(thread, info.number);
    case DefaultAction::terminate:
    case DefaultAction::terminate_with_core:
      exit_process({WaitStatus::Kind::killed, info.number});
  }
}

void deal_with_signals(UserThread& thread, arch::UserRegisters& registers) {
  Process& process = thread.process();
  thread.remove_work(UserThread::work_signals);
  if (process.ending()) exit_thread(0);
  if (process.executing && process.executing != &thread) [[unlikely]] exit_thread(0);
  thread.clear_interruption();
  while ((process.stopping || must_stand_still(thread)) && !process.ending()) {
    if (process.stopping) wait_while_stopped(thread);
    if (must_stand_still(thread)) stand_still(thread);
  }
  if (process.continue_unannounced) announce_continue(process);
  while (const auto info = take_signal(thread, thread.mask())) {
    const SignalAction action = process.handlers().take_for_delivery(info->number);
    if (action.has_handler())
      run_handler(thread, registers, *info, action);
    else if (action.handler == SignalAction::default_handler)
      act_by_default(thread, *info);
    if (thread.has_work(UserThread::work_signals)) return;  // stopped, ending, or more of them: from the start
  }
}

// Everything but the floating-point registers.
[[gnu::noinline]] void attend_to_work(UserThread& thread, arch::UserRegisters& registers) {
  while (true) {
    if (sched::reschedule_wanted()) sched::reschedule();
    if (thread.has_work(UserThread::work_timers)) check_cpu_timers(thread);
    if (thread.has_work(UserThread::work_decisions)) print_decisions(thread);
    if (thread.has_work(UserThread::work_signals)) deal_with_signals(thread, registers);
    if (thread.has_work(UserThread::work_signals)) continue;
    // No handler runs.
    settle_interrupted_call(thread, registers, nullptr);
    thread.restore_mask();
    if (thread.has_work(UserThread::work_messages)) call_message_handler(thread, registers);
    if (thread.has_work(UserThread::work_signals)) continue;
    if (!sched::reschedule_wanted()) return;
    // It was wanted for a signal while its container is stopped: it goes no further, whatever handler is to run.
    thread.drop_late_interruption();
  }
}

}  // namespace

// Most often it is a thread that has slept, and only its registers are missing.
void return_to_user_work(UserThread& thread, arch::UserRegisters& registers) {
  if (thread.has_work_besides(UserThread::work_fpu) || sched::reschedule_wanted()) attend_to_work(thread, registers);
  thread.prepare_to_enter_user();
}

void enter_user_mode(UserThread& thread) {
  arch::UserRegisters& registers = thread.user_registers();
  if (has_return_work(thread)) return_to_user_work(thread, registers);
  thread.leaves_kernel();
  arch::enter_user(registers);
}

void end_interrupted_call(UserThread& thread, arch::UserRegisters& registers, Error restart) {
  thread.call_error = restart;
  thread.add_work(UserThread::work_restart);
  thread.process().abi().fail_interrupted_call(registers);
}

}  // namespace cv6
