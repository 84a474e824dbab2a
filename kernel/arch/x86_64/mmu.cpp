// Loaded tables and cached translations; requests to other processors are in smp.cpp.
#include "arch/mmu.hpp"

#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/instructions.hpp"

namespace cv6::arch {

void load_page_table(PhysicalAddress root) {
  CpuBlock& cpu = this_cpu();
  if (cpu.page_table == root) return;
  cpu.page_table = root;
  write_cr3(root);
}

PhysicalAddress loaded_page_table() { return this_cpu().page_table; }

void flush_page(std::uintptr_t address) { asm volatile("invlpg (%0)" ::"r"(address) : "memory"); }

// The kernel's own translations are global: they stay.
void flush_all() { write_cr3(this_cpu().page_table); }

}  // namespace cv6::arch
