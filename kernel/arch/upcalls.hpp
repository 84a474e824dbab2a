// What an architecture calls when the processor enters the kernel. The layers above define these functions; all run with
// interrupts off, on the kernel stack of the thread concerned.
#pragma once

#include <cstdint>

#include "arch/target/registers.hpp"

namespace cv6::arch {

// What the processor complains about, in neutral words; `vector` and `error_code` are its own, for messages and signal
// frames.
struct Fault {
  enum class Kind : std::uint8_t {
    page, protection, illegal_instruction, divide, floating_point, breakpoint, single_step, overflow, bounds, alignment,
    stack, other
  };
  enum class Access : std::uint8_t { read, write, execute };
  Kind kind;
  Access access = Access::read;  // page
  bool mapped = false;           // page: there was a translation, but not for this access
  std::uintptr_t address = 0;    // page: where
  std::uint32_t vector = 0;
  std::uint64_t error_code = 0;
};

// --- from user mode; on return the stub goes back to user mode with the (perhaps changed) registers -------------------
void on_system_call(UserRegisters& registers);                        // the SYSCALL instruction
void on_trap_call(UserRegisters& registers, unsigned vector);         // `int vector` (0x40: the xv6 ABI)
void on_user_fault(UserRegisters& registers, const Fault& fault);
void on_user_interrupted(UserRegisters& registers);  // after an interrupt in user mode was handled: signals, reschedule

// --- from kernel mode ---------------------------------------------------------------------------------------------
// A copy to or from user space met a page that is not there. True: it is now, go on. May block.
bool on_kernel_user_access(std::uintptr_t address, Fault::Access access);

// --- interrupts ---------------------------------------------------------------------------------------------------
void on_timer();
void on_wakeup();

}  // namespace cv6::arch
