// What a program does wrong, and pages that it has not got yet: the upcalls of arch/upcalls.hpp about user mode.

#include "arch/upcalls.hpp"
#include "sync/log.hpp"
#include "task/abi_operations.hpp"
#include "task/memory_shortage.hpp"
#include "task/process.hpp"
#include "task/process_timers.hpp"
#include "task/send_signal.hpp"
#include "task/user_return.hpp"

namespace cv6 {

namespace {

using Kind = arch::Fault::Kind;

SignalInfo signal_for_page(FaultOutcome outcome, std::uintptr_t address) {
  SignalInfo info;
  info.kind = SignalInfo::Kind::fault;
  info.address = address;
  const bool of_file = outcome == FaultOutcome::past_end || outcome == FaultOutcome::no_space;
  info.number = of_file ? signal::bus : signal::segmentation;
  if (of_file)
    info.code = signal_code::bad_address;
  else
    info.code = outcome == FaultOutcome::no_mapping ? signal_code::address_not_mapped : signal_code::access_denied;
  return info;
}

SignalInfo signal_for(const arch::Fault& fault, std::uintptr_t instruction) {
  SignalInfo info;
  info.kind = SignalInfo::Kind::fault;
  info.address = instruction;
  switch (fault.kind) {
    case Kind::illegal_instruction:
      info.number = signal::illegal;
      info.code = signal_code::bad_operand;
      break;
    case Kind::divide:
      info.number = signal::floating_point;
      info.code = signal_code::integer_divide;
      break;
    case Kind::floating_point:
      info.number = signal::floating_point;
      info.code = signal_code::float_invalid;
      break;
    case Kind::breakpoint: return kernel_signal(signal::trap);
    case Kind::single_step:
      info.number = signal::trap;
      info.code = signal_code::trace;
      break;
    case Kind::alignment:
      info.number = signal::bus;
      info.code = signal_code::bad_alignment;
      break;
    case Kind::stack: return kernel_signal(signal::bus);
    default: return kernel_signal(signal::segmentation);  // a general protection fault names no address
  }
  return info;
}

// A program that ends by a fault leaves a line in the log.
void note_death(const UserThread& thread, const arch::UserRegisters& registers, const SignalInfo& info) {
  Process& process = thread.process();
  const SignalAction action = process.handlers().get(info.number);
  if (action.has_handler() && !thread.mask().contains(info.number)) return;
  if (!process.container().may_log()) return;
  log(LogLevel::notice, "pid {} {}: {} at ip {:x} sp {:x} address {:x}", process.number(), thread.name.view(),
      signal::name(info.number), registers.instruction_pointer(), registers.stack_pointer(), info.address);
}

// The program gets a signal for what it did; unless it is not to blame, and the access is tried again.
void refuse_page(UserThread& thread, const arch::UserRegisters& registers, FaultOutcome outcome, const arch::Fault& fault) {
  if (outcome == FaultOutcome::no_memory || outcome == FaultOutcome::no_space) {
    const ShortageOutcome settled = settle_shortage(thread, FaultPlace::user);
    if (settled != ShortageOutcome::no_limit || outcome == FaultOutcome::no_memory) return;
    // Memory may have been set free since; else it is a limit of the file system's own.
    outcome = thread.process().address_space().fault(fault.address, fault.access);
    if (outcome == FaultOutcome::resolved || outcome == FaultOutcome::no_memory) return;
  }
  thread.process().abi().on_program_fault(thread, registers, signal_for_page(outcome, fault.address), fault);
}

}  // namespace

void AbiOperations::on_program_fault(UserThread& thread, const arch::UserRegisters& registers, const SignalInfo& info,
                                     const arch::Fault& fault) const {
  note_death(thread, registers, info);
  thread.last_fault = fault;
  force_signal(thread, info);
}

void arch::on_user_fault(UserRegisters& registers, const Fault& fault) {
  UserThread& thread = UserThread::current();
  Process& process = thread.process();
  thread.entered_kernel();
  if (fault.kind == Kind::page) [[likely]] {
    const FaultOutcome outcome = process.address_space().fault(fault.address, fault.access);
    process.count_fault();
    if (outcome != FaultOutcome::resolved) [[unlikely]]
      refuse_page(thread, registers, outcome, fault);
  } else {
    // A handler at an address that no instruction can have faults before it runs, with a frame more on its stack each time:
    // none of this is user mode yet, where interrupts would come in.
    sched::maybe_yield();
    process.abi().on_program_fault(thread, registers, signal_for(fault, registers.instruction_pointer()), fault);
  }
  if (has_return_work(thread)) return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

void arch::on_user_interrupted(UserRegisters& registers) {
  UserThread& thread = UserThread::current();
  note_clock_interrupt(thread, thread.process().timers.get());
  if (!has_return_work(thread) && !sched::reschedule_wanted()) return;
  thread.entered_kernel();
  return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

bool arch::on_kernel_user_access(std::uintptr_t address, Fault::Access access) {
  UserThread& thread = UserThread::current();
  Process& process = thread.process();
  const FaultOutcome outcome = process.address_space().fault(address, access);
  process.count_fault();
  if (outcome == FaultOutcome::no_memory || outcome == FaultOutcome::no_space) [[unlikely]]
    switch (settle_shortage(thread, FaultPlace::kernel)) {
      case ShortageOutcome::again: return true;
      case ShortageOutcome::ended: return false;
      case ShortageOutcome::no_limit:
        return outcome == FaultOutcome::no_memory || process.address_space().fault(address, access) == FaultOutcome::resolved;
    }
  return outcome == FaultOutcome::resolved;
}

}  // namespace cv6
