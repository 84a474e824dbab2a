// The registers of user code as they were when it entered the kernel, and as they will be when it goes on. The order is
// that of the kernel's stack, and of Linux' user_regs_struct (ptrace(2)), whose beginning this is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::arch {

// Selectors of the global descriptor table; the same numbers as on Linux, since signal frames and ptrace show them.
inline constexpr std::uint16_t kernel_code_selector = 0x10;
inline constexpr std::uint16_t kernel_data_selector = 0x18;
inline constexpr std::uint16_t user_code32_selector = 0x23;
inline constexpr std::uint16_t user_data_selector = 0x2b;
inline constexpr std::uint16_t user_code_selector = 0x33;
inline constexpr std::uint16_t task_state_selector = 0x40;

inline constexpr std::uint64_t flag_always = 1 << 1;  // reads as 1
inline constexpr std::uint64_t flag_trap = 1 << 8;
inline constexpr std::uint64_t flag_interrupt = 1 << 9;
inline constexpr std::uint64_t flag_direction = 1 << 10;
inline constexpr std::uint64_t flag_resume = 1 << 16;
// What user code may change: carry, parity, adjust, zero, sign, trap, direction, overflow, nested, resume, alignment, id.
inline constexpr std::uint64_t user_flags = 0x254dd5;

struct UserRegisters {
  std::uint64_t r15 = 0, r14 = 0, r13 = 0, r12 = 0, rbp = 0, rbx = 0, r11 = 0, r10 = 0, r9 = 0, r8 = 0;
  std::uint64_t rax = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0;
  std::uint64_t orig_rax = ~std::uint64_t{0};  // the system call's number; -1: not in a system call
  std::uint64_t rip = 0, cs = user_code_selector, eflags = flag_always | flag_interrupt, rsp = 0, ss = user_data_selector;

  // As a program finds them at its first instruction.
  static constexpr UserRegisters initial(std::uintptr_t instruction, std::uintptr_t stack) {
    UserRegisters registers;
    registers.rip = instruction;
    registers.rsp = stack;
    return registers;
  }

  // The same for a program of 32 bits.
  static constexpr UserRegisters initial_32(std::uintptr_t instruction, std::uintptr_t stack) {
    UserRegisters registers = initial(instruction, stack);
    registers.cs = user_code32_selector;
    return registers;
  }

  constexpr bool in_system_call() const { return static_cast<std::int64_t>(orig_rax) >= 0; }
  // From now on these registers are not those of a system call (it will not be restarted).
  constexpr void leave_system_call() { orig_rax = ~std::uint64_t{0}; }
  constexpr std::uint64_t call_number() const { return orig_rax; }
  constexpr std::uint64_t argument(unsigned n) const {  // 0..5
    switch (n) {
      case 0: return rdi;
      case 1: return rsi;
      case 2: return rdx;
      case 3: return r10;
      case 4: return r8;
      default: return r9;
    }
  }
  // A program of 32 bits has its arguments on its stack. They are kept in registers that it does not have.
  static constexpr unsigned stack_arguments = 4;
  constexpr std::uint64_t stack_argument(unsigned n) const {
    const std::uint64_t arguments[stack_arguments] = {r8, r9, r10, r11};
    return arguments[n];
  }
  constexpr void set_stack_argument(unsigned n, std::uint64_t value) {
    std::uint64_t* const arguments[stack_arguments] = {&r8, &r9, &r10, &r11};
    *arguments[n] = value;
  }
  // It makes a call by a software interrupt: the number.
  constexpr std::uint32_t begin_trap_call() { return static_cast<std::uint32_t>(orig_rax = static_cast<std::uint32_t>(rax)); }
  constexpr std::int64_t result() const { return static_cast<std::int64_t>(rax); }
  constexpr void set_result(std::int64_t result) { rax = static_cast<std::uint64_t>(result); }
  // The call will be made again, with this number, when the program goes on.
  constexpr void restart_call(std::uint64_t number) {
    rax = number;
    rip -= 2;  // the length of SYSCALL
  }
  constexpr void restart_call() { restart_call(orig_rax); }

  constexpr std::uintptr_t instruction_pointer() const { return rip; }
  constexpr void set_instruction_pointer(std::uintptr_t address) { rip = address; }
  constexpr std::uintptr_t stack_pointer() const { return rsp; }
  constexpr void set_stack_pointer(std::uintptr_t address) { rsp = address; }
  constexpr std::uint64_t flags() const { return eflags; }
  // Only what user code could change itself.
  constexpr void set_flags(std::uint64_t flags) { eflags = (flags & user_flags) | flag_always | flag_interrupt; }
  // Calls function(first, second, third) in user mode on this stack, as the C calling convention wants it.
  constexpr void call_function(std::uintptr_t function, std::uintptr_t stack, std::uint64_t first, std::uint64_t second,
                               std::uint64_t third) {
    rip = rcx = function;
    rsp = stack;
    rdi = first;
    rsi = second;
    rdx = third;
    rax = 0;
    set_flags(eflags & ~(flag_trap | flag_direction | flag_resume));
    r11 = eflags;  // like rcx: free at a call, and in this form SYSRET can be used
  }
};
static_assert(sizeof(UserRegisters) == 21 * 8);

// What a log keeps of a system call: its number, arguments and result. They lie next to each other in UserRegisters.
struct CallRegisters {
  std::uint64_t r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;

  constexpr std::uint64_t argument(unsigned n) const {  // 0..5
    const std::uint64_t arguments[] = {rdi, rsi, rdx, r10, r8, r9};
    return arguments[n];
  }
  constexpr void set_argument(unsigned n, std::uint64_t value) {
    std::uint64_t* const arguments[] = {&rdi, &rsi, &rdx, &r10, &r8, &r9};
    *arguments[n] = value;
  }
  constexpr std::int64_t result() const { return static_cast<std::int64_t>(rax); }
  constexpr void set_result(std::int64_t result) { rax = static_cast<std::uint64_t>(result); }
  constexpr std::uint64_t call_number() const { return orig_rax; }

  // Word by word, by the one instruction that copies from memory to memory.
  static void copy(CallRegisters& to, const UserRegisters& from) {
    const std::uint64_t* source = &from.r10;
    std::uint64_t* target = &to.r10;
    asm volatile("movsq\n movsq\n movsq\n movsq\n movsq\n movsq\n movsq\n movsq\n movsq"
                 : "+S"(source), "+D"(target) : : "memory");
  }
};
static_assert(sizeof(CallRegisters) == 9 * 8);
static_assert(offsetof(UserRegisters, orig_rax) - offsetof(UserRegisters, r10) == offsetof(CallRegisters, orig_rax));
static_assert(offsetof(UserRegisters, rdi) - offsetof(UserRegisters, r10) == offsetof(CallRegisters, rdi));

}  // namespace cv6::arch
