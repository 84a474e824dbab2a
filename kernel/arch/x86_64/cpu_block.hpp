// What each processor has of its own. The GS base points here while the processor is in the kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/cpu.hpp"
#include "arch/mmu.hpp"
#include "arch/x86_64/offsets.h"
#include "lib/units.hpp"

namespace cv6::arch {

// Intel SDM volume 3, 8.7 "Task management in 64-bit mode".
struct [[gnu::packed]] TaskState {
  std::uint32_t reserved0 = 0;
  std::uint64_t stacks[3] = {};  // of rings 0..2; only the first is used
  std::uint64_t reserved1 = 0;
  std::uint64_t fault_stacks[7] = {};  // the interrupt stack table, IST1..IST7
  std::uint64_t reserved2 = 0;
  std::uint16_t reserved3 = 0;
  std::uint16_t io_map = sizeof(TaskState);  // none: user code may use no port
};
static_assert(sizeof(TaskState) == 104);

struct CpuBlock {
  CpuBlock* self = this;
  std::uint64_t kernel_stack = 0;  // where the stack begins when the processor comes from user mode
  std::uint64_t user_stack = 0;    // for the system call entry, between two instructions
  void* current_thread = nullptr;
  std::uint32_t index = 0;
  std::uint32_t apic_id = 0;
  PhysicalAddress page_table = 0;  // what CR3 holds
  Nanoseconds deadline = never;    // of the timer
  const struct UserRegisters* fault_registers = nullptr;  // of kernel code that faulted: a panic's stack begins there
  std::uint64_t descriptors[10] = {};
  alignas(16) TaskState task_state;
};
static_assert(offsetof(CpuBlock, self) == CPU_SELF);
static_assert(offsetof(CpuBlock, kernel_stack) == CPU_KERNEL_STACK);
static_assert(offsetof(CpuBlock, user_stack) == CPU_USER_STACK);
static_assert(offsetof(CpuBlock, current_thread) == CPU_CURRENT_THREAD);
static_assert(offsetof(CpuBlock, index) == CPU_INDEX);

inline CpuBlock& this_cpu() {
  return **reinterpret_cast<CpuBlock* [[clang::address_space(256)]]*>(std::uintptr_t{CPU_SELF});
}

// All processors that run, by index.
extern CpuBlock* cpu_blocks[max_cpus];

}  // namespace cv6::arch
