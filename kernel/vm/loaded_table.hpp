// On which processors a page table is loaded, and flushing what they cache of it.
//
// A processor keeps the table that it used last until it needs another one: going idle and back costs nothing. So a
// table may be loaded where nothing uses it; before it goes away, drop() makes every processor let go of it.
#pragma once

#include <atomic>
#include <cstdint>

#include "arch/mmu.hpp"

namespace cv6 {

class LoadedTable {
 public:
  arch::PhysicalAddress root() const { return root_; }
  void set_root(arch::PhysicalAddress root) { root_ = root; }

  // This processor uses the table from now on.
  void activate() {
    if (arch::loaded_page_table() != root_) load();
  }
  // No processor uses it any more when this returns.
  void drop();
  // Forgets translations everywhere: of the pages in [start, end), or all if that is more than a few.
  void flush(std::uintptr_t start, std::uintptr_t end);
  // A memory barrier here and on every other processor that runs with the table. One that has not got it yet passes a barrier
  // when it loads it.
  void barrier() const;

 private:
  void load();

  arch::PhysicalAddress root_ = 0;
  std::atomic<arch::CpuSet> cpus_{0};
};

}  // namespace cv6
