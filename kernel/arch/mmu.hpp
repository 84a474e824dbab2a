// Address translation. Page tables are data of mm/ (mm/page_table.hpp); here is what only the processor can do with them.
#pragma once

#include <cstdint>

#include "arch/cpu.hpp"
#include "arch/target/page_entry.hpp"  // class PageEntry: one entry of a table, and the levels' geometry

namespace cv6::arch {

using PhysicalAddress = std::uint64_t;

// All of the machine's memory, mapped once, readable and writable, never executable.
inline void* direct(PhysicalAddress physical) { return reinterpret_cast<void*>(direct_map_base() + physical); }
inline PhysicalAddress physical_of(const void* direct_address) {
  return reinterpret_cast<std::uintptr_t>(direct_address) - direct_map_base();
}

// The table with only the kernel's half: what idle processors use. Every new table begins with a copy of its upper half.
PhysicalAddress kernel_page_table();
// Uses this table on this processor from now on. Free of cost if it is loaded already.
void load_page_table(PhysicalAddress root);
PhysicalAddress loaded_page_table();

// Forget cached translations of user addresses, here.
void flush_page(std::uintptr_t address);
void flush_all();
// The same on other processors, waiting until all have done it. `start == end` means everything. A processor that has
// `root` loaded but idles or runs something else flushes as well; `Drop::yes` makes it load the kernel's table, after
// which nobody uses `root`. Call with no spin lock held that a processor may be waiting for without relax().
enum class Drop { no, yes };
void flush_others(CpuSet cpus, PhysicalAddress root, std::uintptr_t start, std::uintptr_t end, Drop drop = Drop::no);

// Maps device memory for the kernel, uncached; physical need not be aligned. Never unmapped. nullptr: no memory.
volatile void* map_device(PhysicalAddress physical, std::uint64_t size);

}  // namespace cv6::arch
