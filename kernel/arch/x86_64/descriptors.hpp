// Segment and interrupt descriptors of a processor.
#pragma once

#include "arch/x86_64/cpu_block.hpp"

namespace cv6::arch {

inline constexpr std::uint64_t user_code_descriptor = 0x00affb000000ffff;  // user code, 64 bits

// Two pages on which faults are handled that may come at any moment: one for non-maskable interrupts, one for double
// faults and machine checks.
struct alignas(4096) FaultStacks {
  std::uint64_t words[2][512];
};

void fill_interrupt_table();  // once
// Makes `block` this processor's: descriptors, task state, GS base.
void load_descriptors(CpuBlock& block, FaultStacks& stacks);

}  // namespace cv6::arch
