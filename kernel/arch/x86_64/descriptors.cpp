#include "arch/x86_64/descriptors.hpp"

#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/registers.hpp"

extern "C" const char trap_stubs[];

namespace cv6::arch {

namespace {

// Intel SDM volume 3, 6.14.1 "64-bit mode IDT".
struct Gate {
  std::uint16_t offset_low;
  std::uint16_t selector;
  std::uint8_t stack;  // 0: the usual one; else the number in the interrupt stack table
  std::uint8_t type;
  std::uint16_t offset_middle;
  std::uint32_t offset_high;
  std::uint32_t reserved;
};
static_assert(sizeof(Gate) == 16);

alignas(4096) Gate interrupt_table[256];

struct [[gnu::packed]] TablePointer {
  std::uint16_t limit;
  std::uint64_t address;
};

constexpr std::uint8_t interrupt_gate = 0x8e;
constexpr std::uint8_t user_interrupt_gate = 0xee;  // user code may call it with INT

bool user_may_call(unsigned vector) { return vector == 3 || vector == 4 || vector == 0x40 || vector == 0x80; }

std::uint8_t stack_for(unsigned vector) {
  if (vector == 2) return 1;
  return vector == 8 || vector == 18 ? 2 : 0;
}

void fill_task_descriptor(CpuBlock& block) {
  const auto base = reinterpret_cast<std::uint64_t>(&block.task_state);
  block.descriptors[8] = (sizeof(TaskState) - 1) | (base & 0xffffff) << 16 | std::uint64_t{0x89} << 40 |
                         (base >> 24 & 0xff) << 56;
  block.descriptors[9] = base >> 32;
}

}  // namespace

void fill_interrupt_table() {
  for (unsigned vector = 0; vector < 256; ++vector) {
    const auto stub = reinterpret_cast<std::uint64_t>(trap_stubs) + 16 * vector;
    interrupt_table[vector] = {
        .offset_low = static_cast<std::uint16_t>(stub),
        .selector = kernel_code_selector,
        .stack = stack_for(vector),
        .type = user_may_call(vector) ? user_interrupt_gate : interrupt_gate,
        .offset_middle = static_cast<std::uint16_t>(stub >> 16),
        .offset_high = static_cast<std::uint32_t>(stub >> 32),
        .reserved = 0,
    };
  }
}

void load_descriptors(CpuBlock& block, FaultStacks& stacks) {
  block.descriptors[2] = 0x00af9b000000ffff;  // kernel code, 64 bits
  block.descriptors[3] = 0x00cf93000000ffff;  // kernel data
  block.descriptors[4] = 0x00cffb000000ffff;  // user code, 32 bits
  block.descriptors[5] = 0x00cff3000000ffff;  // user data
  block.descriptors[6] = user_code_descriptor;
  for (unsigned i = 0; i < 2; ++i) {
    stacks.words[i][511] = reinterpret_cast<std::uint64_t>(&block);  // entry.S looks for it there
    block.task_state.fault_stacks[i] = reinterpret_cast<std::uint64_t>(&stacks.words[i][510]);
  }
  fill_task_descriptor(block);

  const TablePointer segments{sizeof block.descriptors - 1, reinterpret_cast<std::uint64_t>(block.descriptors)};
  const TablePointer interrupts{sizeof interrupt_table - 1, reinterpret_cast<std::uint64_t>(interrupt_table)};
  asm volatile(
      "lgdt %0; lidt %1; push %2; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
      "mov %w3, %%ss; xor %%eax, %%eax; mov %%eax, %%ds; mov %%eax, %%es; mov %%eax, %%fs; mov %%eax, %%gs; ltr %w4"
      ::"m"(segments), "m"(interrupts), "i"(KERNEL_CODE), "r"(kernel_data_selector), "r"(task_state_selector)
      : "rax", "memory");
  write_msr(msr::gs_base, reinterpret_cast<std::uint64_t>(&block));
  write_msr(msr::kernel_gs_base, 0);
}

}  // namespace cv6::arch
