#include "arch/x86_64/smp.hpp"

#include <atomic>

#include "arch/mmu.hpp"
#include "arch/x86_64/apic.hpp"
#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/vectors.hpp"
#include "lib/units.hpp"

namespace cv6::arch {

namespace {

// One request at a time: `owner` is the lock; `waiting_for` publishes the rest and counts the answers.
struct FlushRequest {
  std::atomic<bool> owner{false};
  std::atomic<CpuSet> waiting_for{0};
  PhysicalAddress root = 0;
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  Drop drop = Drop::no;
};
constinit FlushRequest request;

constexpr std::uint64_t most_single_pages = 32;  // beyond, forgetting everything is cheaper

constinit std::atomic<bool> stopping{false};

void flush_range(std::uintptr_t start, std::uintptr_t end) {
  if (start == end || (end - start) / page_size > most_single_pages) return flush_all();
  for (; start < end; start += page_size) flush_page(start);
}

}  // namespace

void answer_flush_request() {
  const CpuSet self = cpu_bit(cpu_index());
  if (!(request.waiting_for.load(std::memory_order_acquire) & self)) return;  // acquire: pairs with flush_others
  if (loaded_page_table() == request.root) {
    if (request.drop == Drop::yes)
      load_page_table(kernel_page_table());
    else
      flush_range(request.start, request.end);
  }
  request.waiting_for.fetch_and(~self, std::memory_order_release);  // release: pairs with flush_others
}

void flush_others(CpuSet cpus, PhysicalAddress root, std::uintptr_t start, std::uintptr_t end, Drop drop) {
  cpus &= ~cpu_bit(cpu_index());
  if (!cpus) return;
  while (request.owner.exchange(true, std::memory_order_acquire)) relax();
  request.root = root;
  request.start = start;
  request.end = end;
  request.drop = drop;
  request.waiting_for.store(cpus, std::memory_order_release);
  for (CpuSet left = cpus; left; left &= left - 1) apic::send(cpu_blocks[__builtin_ctzll(left)]->apic_id, vector::flush);
  while (request.waiting_for.load(std::memory_order_acquire)) asm volatile("pause");
  request.owner.store(false, std::memory_order_release);
}

void relax() {
  answer_flush_request();
  asm volatile("pause" ::: "memory");
}

void send_wakeup(unsigned cpu) { apic::send(cpu_blocks[cpu]->apic_id, vector::wakeup); }

void stop_other_cpus() {
  stopping.store(true, std::memory_order_seq_cst);
  // To each by its number: those that were not let in have no place to handle it.
  for (unsigned cpu = 0; cpu < cpu_count(); ++cpu)
    if (cpu != cpu_index()) apic::send_nmi(cpu_blocks[cpu]->apic_id);
}

bool stop_requested() { return stopping.load(std::memory_order_seq_cst); }

}  // namespace cv6::arch
