// The parts of arch/cpu.hpp that are worth being inline: one instruction each, relative to the GS base (cpu_block.hpp).
#pragma once

#include <cstdint>

#include "arch/x86_64/offsets.h"

namespace cv6::arch {

namespace cpu_block_detail {
#define CV6_GS [[clang::address_space(256)]]
inline void* CV6_GS* current_thread() { return reinterpret_cast<void* CV6_GS*>(std::uintptr_t{CPU_CURRENT_THREAD}); }
inline unsigned CV6_GS* index() { return reinterpret_cast<unsigned CV6_GS*>(std::uintptr_t{CPU_INDEX}); }
#undef CV6_GS
}  // namespace cpu_block_detail

inline void* current_thread() { return *cpu_block_detail::current_thread(); }
inline void set_current_thread(void* thread) { *cpu_block_detail::current_thread() = thread; }
inline unsigned cpu_index() { return *cpu_block_detail::index(); }

}  // namespace cv6::arch
