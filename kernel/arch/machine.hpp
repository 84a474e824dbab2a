// What the machine is made of, as whoever started the kernel describes it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "arch/mmu.hpp"

namespace cv6::arch {

struct MemoryRange {
  PhysicalAddress start = 0;
  PhysicalAddress end = 0;
};

std::string_view command_line();
// Ranges of ordinary memory: page-aligned, in order, not overlapping.
std::span<const MemoryRange> usable_memory();
// What in the usable ranges is taken: the kernel with its page tables, the initial file system, the start code of other
// processors. Page-aligned, in order, not overlapping.
std::span<const MemoryRange> reserved_memory();
// The initial file system (initramfs), byte-exact; empty: none.
MemoryRange initial_file_system();

// Starts all other processors. For each, take(block_size) must give memory that the processor keeps forever (its stack
// and tables), nullptr where there is none; then the processor calls `main` on that stack. Returns when all run; only
// then main is called. Processors that do not answer are left out, with a line in the log.
inline constexpr std::size_t processor_block_size = 32768;
void start_other_cpus(void* (*take)(std::size_t bytes), void (*main)());

// Puts text on the log device, waiting for it if needed. Nothing if there is none.
void write_log_device(std::string_view text);

}  // namespace cv6::arch
