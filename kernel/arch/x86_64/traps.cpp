// Exceptions: what the entry stubs (entry.S) call.
#include "arch/x86_64/traps.hpp"

#include <cstring>
#include <string_view>

#include "arch/upcalls.hpp"
#include "arch/user_memory.hpp"
#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/smp.hpp"
#include "arch/x86_64/vectors.hpp"
#include "lib/format.hpp"
#include "lib/panic.hpp"

namespace cv6::arch {

namespace {

struct ExceptionTableEntry {
  std::uint32_t at;     // less KERNEL_OFFSET
  std::uint32_t go_on;  // the same, and FIXUP_AT_ONCE
};
extern "C" const ExceptionTableEntry exception_table_start[], exception_table_end[];

// Where kernel code goes on that faulted and expected that it might.
struct Fixup {
  std::uintptr_t go_on = 0;  // 0: it did not
  bool at_once = false;      // whatever the fault, and without trying to get the page
};

Fixup find_fixup(std::uintptr_t instruction) {
  for (const ExceptionTableEntry* entry = exception_table_start; entry != exception_table_end; ++entry)
    if (KERNEL_OFFSET + entry->at == instruction)
      return {KERNEL_OFFSET + (entry->go_on & ~FIXUP_AT_ONCE), (entry->go_on & FIXUP_AT_ONCE) != 0};
  return {};
}

Fault::Kind kind_of(unsigned vector) {
  using Kind = Fault::Kind;
  switch (vector) {
    case vector::divide: return Kind::divide;
    case vector::debug: return Kind::single_step;
    case vector::breakpoint: return Kind::breakpoint;
    case vector::overflow: return Kind::overflow;
    case vector::bounds: return Kind::bounds;
    case vector::invalid_opcode: return Kind::illegal_instruction;
    case vector::segment_not_present:
    case vector::stack: return Kind::stack;
    case vector::protection: return Kind::protection;
    case vector::page_fault: return Kind::page;
    case vector::x87:
    case vector::simd: return Kind::floating_point;
    case vector::alignment: return Kind::alignment;
    default: return Kind::other;
  }
}

// Bits of a page fault's error code: Intel SDM volume 3, 4.7.
constexpr std::uint64_t page_present = 1, page_write = 2, page_fetch = 16;

Fault::Access access_of(std::uint64_t error) {
  if (error & page_fetch) return Fault::Access::execute;
  return error & page_write ? Fault::Access::write : Fault::Access::read;
}

Fault page_fault(std::uint64_t error, std::uintptr_t address) {
  return {.kind = Fault::Kind::page, .access = access_of(error), .mapped = (error & page_present) != 0,
          .address = address, .vector = vector::page_fault, .error_code = error};
}

std::string_view name_of(unsigned vector, const UserRegisters& registers) {
  // What the debug build's checks for undefined behaviour end in: UD1 with the kind of check in its operand.
  static constexpr std::uint8_t check_failed[] = {0x67, 0x0f, 0xb9};
  const void* code = reinterpret_cast<const void*>(registers.rip);
  if (vector == vector::invalid_opcode && registers.rip >= KERNEL_OFFSET && !std::memcmp(code, check_failed, 3))
    return "undefined behaviour";
  switch (vector) {
    case vector::divide: return "divide error";
    case vector::invalid_opcode: return "invalid instruction";
    case vector::double_fault: return "double fault";
    case vector::protection: return "protection fault";
    case vector::page_fault: return "page fault";
    case vector::machine_check: return "machine check";
    default: return "exception";
  }
}

[[noreturn]] void panic_at(unsigned vector, std::uint64_t error, const UserRegisters& registers) {
  this_cpu().fault_registers = &registers;
  char text[512];
  panic(format_to(text,
                  "{} ({}) in the kernel, error {:x}, address {:x}\n"
                  "  rip {:016x} rsp {:016x} flags {:x} cr3 {:x}\n"
                  "  rax {:016x} rbx {:016x} rcx {:016x} rdx {:016x}\n"
                  "  rsi {:016x} rdi {:016x} rbp {:016x} r8  {:016x}\n"
                  "  r9  {:016x} r10 {:016x} r11 {:016x} r12 {:016x}\n"
                  "  r13 {:016x} r14 {:016x} r15 {:016x}",
                  name_of(vector, registers), vector, error, read_cr2(), registers.rip, registers.rsp,
                  registers.eflags, read_cr3(), registers.rax, registers.rbx, registers.rcx, registers.rdx,
                  registers.rsi, registers.rdi, registers.rbp, registers.r8, registers.r9, registers.r10,
                  registers.r11, registers.r12, registers.r13, registers.r14, registers.r15));
}

constexpr bool is_user_code_address(std::uintptr_t address) { return address >> 47 == 0; }

}  // namespace

extern "C" {

// Before IRET to user mode: makes it impossible that it faults in the kernel, or gives user code more than is its due.
void cv6_make_returnable(UserRegisters& registers) {
  if (registers.cs != user_code32_selector) registers.cs = user_code_selector;
  registers.ss = user_data_selector;
  registers.set_flags(registers.eflags);
  while (!is_user_code_address(registers.rip)) [[unlikely]] {
    on_user_fault(registers, {.kind = Fault::Kind::protection, .address = registers.rip, .vector = vector::protection});
    registers.set_flags(registers.eflags);
  }
}

void cv6_trap_call(UserRegisters& registers) {
  on_trap_call(registers, vector::trap_call);
  // Code of 32 bits that goes on where it was can do so; exec may have made it something else.
  if (registers.cs != user_code32_selector || registers.rip >> 32) [[unlikely]] cv6_make_returnable(registers);
}

void cv6_trap_from_user(unsigned vector, std::uint64_t error, UserRegisters& registers) {
  if (vector == vector::page_fault) {
    on_user_fault(registers, page_fault(error, read_cr2()));
  } else if (vector == vector::linux32_trap_call) {
    on_trap_call(registers, vector);
  } else if (vector >= vector::first_interrupt) {
    handle_interrupt(vector);
    on_user_interrupted(registers);
  } else {
    on_user_fault(registers, {.kind = kind_of(vector), .vector = vector, .error_code = error});
  }
  cv6_make_returnable(registers);
}

void cv6_trap_from_kernel(unsigned vector, std::uint64_t error, UserRegisters& registers) {
  if (vector >= vector::first_interrupt) return handle_interrupt(vector);
  if (vector == vector::page_fault || vector == vector::protection) {
    const std::uintptr_t address = read_cr2();
    const Fixup fixup = find_fixup(registers.rip);
    if (fixup.at_once) {
      registers.rip = fixup.go_on;
      return;
    }
    if (fixup.go_on && vector == vector::page_fault && address < user_end) {
      if (!on_kernel_user_access(address, access_of(error))) registers.rip = fixup.go_on;
      return;
    }
  }
  panic_at(vector, error, registers);
}

void cv6_trap_on_fault_stack(unsigned vector, std::uint64_t error, UserRegisters& registers) {
  if (vector == vector::nmi) {
    if (stop_requested()) halt_forever();
    return;  // nobody asked for it: not ours
  }
  panic_at(vector, error, registers);
}
}

}  // namespace cv6::arch
