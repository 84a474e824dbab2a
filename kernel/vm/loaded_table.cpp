#include "vm/loaded_table.hpp"

#include "arch/user_memory.hpp"
#include "lib/units.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

namespace {

// What activate() loaded last here. Valid only while the processor has a table other than the kernel's: whoever makes
// it load that one (drop()) may be about to destroy the object.
constinit PerCpu<LoadedTable*> last_loaded;

constexpr std::uint64_t most_single_pages = 8;

}  // namespace

void LoadedTable::load() {
  LoadedTable*& last = last_loaded.here();
  LoadedTable* before = arch::loaded_page_table() == arch::kernel_page_table() ? nullptr : last;
  const arch::CpuSet here = arch::cpu_bit(arch::cpu_index());
  // seq_cst: whoever changes an entry and does not find this bit has changed it before the processor can walk there.
  cpus_.fetch_or(here, std::memory_order_seq_cst);
  arch::load_page_table(root_);
  last = this;
  if (before) before->cpus_.fetch_and(~here, std::memory_order_seq_cst);  // `before` may be gone after this
}

void LoadedTable::drop() {
  const arch::CpuSet here = arch::cpu_bit(arch::cpu_index());
  if (arch::loaded_page_table() == root_) {
    arch::load_page_table(arch::kernel_page_table());
    cpus_.fetch_and(~here, std::memory_order_seq_cst);
  }
  const arch::CpuSet others = cpus_.exchange(0, std::memory_order_seq_cst) & ~here;
  if (others) arch::flush_others(others, root_, 0, 0, arch::Drop::yes);
}

void LoadedTable::flush(std::uintptr_t start, std::uintptr_t end) {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // the changes first: see load()
  const arch::CpuSet cpus = cpus_.load(std::memory_order_seq_cst);
  if (!cpus) return;
  const bool few = end - start <= most_single_pages * page_size;
  const arch::CpuSet here = arch::cpu_bit(arch::cpu_index());
  if (cpus & here) {
    if (few)
      for (std::uintptr_t page = start; page < end; page += page_size) arch::flush_page(page);
    else
      arch::flush_all();
  }
  if (cpus & ~here) arch::flush_others(cpus & ~here, root_, few ? start : 0, few ? end : 0);
}

// A processor answers a request to forget a translation in an interrupt, and that is a barrier.
void LoadedTable::barrier() const {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // what the caller wrote first: see load()
  const arch::CpuSet others = cpus_.load(std::memory_order_seq_cst) & ~arch::cpu_bit(arch::cpu_index());
  if (others) arch::flush_others(others, root_, arch::user_start, arch::user_start + page_size);
}

}  // namespace cv6
