// Processors, clock, memory and address translation of the simulated machine.
#include <sys/mman.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>

#include "arch/clock.hpp"
#include "arch/vdso.hpp"
#include "arch/cpu.hpp"
#include "arch/host/translation.hpp"
#include "arch/mmu.hpp"

namespace cv6::arch {

namespace {

constexpr PhysicalAddress kernel_table = 0x1000;

std::uintptr_t map_arena() {
  constexpr std::uint64_t alignment = 4 << 20;  // as a direct map has: the largest block of the frame allocator
  void* memory = mmap(nullptr, simulation::memory_size + alignment, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("the arena of the simulated machine");
    std::abort();
  }
  return (reinterpret_cast<std::uintptr_t>(memory) + alignment - 1) & ~(alignment - 1);
}

struct Cpu {
  std::mutex lock;  // of the translations
  std::unordered_map<std::uintptr_t, PageEntry> translations;
  std::atomic<PhysicalAddress> table{kernel_table};
};
Cpu cpus[max_cpus];
std::atomic<unsigned> count{1};
thread_local unsigned index = 0;
std::atomic<CpuSet> wakeups{0};
std::atomic<Nanoseconds> virtual_time{-1};  // negative: the real clock counts
thread_local void* thread = nullptr;

void forget(Cpu& cpu, std::uintptr_t start, std::uintptr_t end) {
  std::scoped_lock guard(cpu.lock);
  if (start == end) return cpu.translations.clear();
  for (std::uintptr_t page = start & ~std::uintptr_t{0xfff}; page < end; page += 0x1000) cpu.translations.erase(page);
}

}  // namespace

const std::uintptr_t arena_base = map_arena();

unsigned cpu_count() { return count; }
unsigned cpu_index() { return index; }
void* current_thread() { return thread; }
void set_current_thread(void* current) { thread = current; }
void relax() { std::this_thread::yield(); }
void wait_for_interrupt() { std::this_thread::yield(); }
void interrupt_window() {}
void send_wakeup(unsigned cpu) { wakeups.fetch_or(cpu_bit(cpu)); }
void stop_other_cpus() {}
void halt_forever() { std::abort(); }
void power_off(PowerOff) { std::exit(1); }
std::uint64_t entropy() { return std::random_device{}(); }

Nanoseconds monotonic_now() {
  if (const Nanoseconds now = virtual_time; now >= 0) return now;
  static const auto start = std::chrono::steady_clock::now();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
}
Nanoseconds real_time_at_boot() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - monotonic_now();
}
std::uint64_t cycles() { return static_cast<std::uint64_t>(monotonic_now()); }

std::uint64_t cycles_per_second() { return nanoseconds_per_second; }
ClockScale clock_scale() { return {0, std::uint64_t{1} << 32}; }
std::span<const std::byte> vdso_image() { return {}; }
void set_timer(Nanoseconds) {}

PhysicalAddress kernel_page_table() { return kernel_table; }
PhysicalAddress loaded_page_table() { return cpus[index].table; }
void load_page_table(PhysicalAddress root) {
  if (cpus[index].table == root) return;
  cpus[index].table = root;
  ++simulation::flushes().table_loads;
  forget(cpus[index], 0, 0);
}
void flush_page(std::uintptr_t address) {
  ++simulation::flushes().pages;
  forget(cpus[index], address, address + 1);
}
void flush_all() {
  ++simulation::flushes().all;
  forget(cpus[index], 0, 0);
}
void flush_others(CpuSet set, PhysicalAddress root, std::uintptr_t start, std::uintptr_t end, Drop drop) {
  ++simulation::flushes().others;
  for (unsigned cpu = 0; cpu < max_cpus; ++cpu) {
    if (cpu == index || !(set & cpu_bit(cpu)) || cpus[cpu].table != root) continue;
    if (drop == Drop::yes) {
      cpus[cpu].table = kernel_table;
      forget(cpus[cpu], 0, 0);
    } else {
      forget(cpus[cpu], start, end);
    }
  }
}
volatile void* map_device(PhysicalAddress, std::uint64_t) { return nullptr; }

namespace simulation {

void set_cpu_count(unsigned cpu_count) { count = cpu_count; }
void use_cpu(unsigned cpu) { index = cpu; }
void set_time(Nanoseconds now) { virtual_time = now; }
CpuSet take_wakeups() { return wakeups.exchange(0); }
Flushes& flushes() {
  static Flushes counters;
  return counters;
}

PageEntry walk(std::uintptr_t address) {
  PhysicalAddress table = cpus[index].table;
  for (unsigned level = table_levels - 1;; --level) {
    const PageEntry entry = std::atomic_ref(static_cast<PageEntry*>(direct(table))[table_index(address, level)]).load();
    if (level == 0 || !entry.present()) return entry;
    table = entry.address();
  }
}

PageEntry translate(std::uintptr_t address, bool write) {
  Cpu& cpu = cpus[index];
  const std::uintptr_t page = address & ~std::uintptr_t{0xfff};
  const auto allows = [&](PageEntry entry) { return entry.present() && entry.user() && (!write || entry.writable()); };
  std::scoped_lock guard(cpu.lock);
  if (const auto cached = cpu.translations.find(page); cached != cpu.translations.end() && allows(cached->second))
    return cached->second;
  // A translation that does not allow the access is looked up again, as processors do.
  const PageEntry entry = walk(address);
  if (!allows(entry)) {
    cpu.translations.erase(page);
    return {};
  }
  cpu.translations[page] = entry;
  return entry;
}

}  // namespace simulation
}  // namespace cv6::arch
