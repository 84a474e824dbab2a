// What tests can set and see of the machine that arch/host plays.
//
// Its memory is an arena in the test process; physical address 0 is the arena's beginning. A processor is a number that
// a thread takes with use_cpu(): threads that run at the same time must take different ones. Each processor has a
// translation cache that, like a real one, forgets nothing by itself: what a test reads through arch::copy_from_user is
// stale if the code under test forgot to flush.
#pragma once

#include <atomic>
#include <cstdint>

#include "arch/mmu.hpp"
#include "lib/units.hpp"

namespace cv6::arch::simulation {

inline constexpr std::uint64_t memory_size = 256 << 20;
inline constexpr PhysicalAddress reserved_end = 0x10000;  // below: tables of the simulation itself

void set_cpu_count(unsigned count);
void use_cpu(unsigned cpu);
// From now on the monotonic clock stands still at `now`, until it is set again; negative: it is the real one.
void set_time(Nanoseconds now);
// The processors that were sent a wake-up since the last call.
CpuSet take_wakeups();

struct Flushes {
  std::atomic<std::uint64_t> pages{0};        // flush_page
  std::atomic<std::uint64_t> all{0};          // flush_all
  std::atomic<std::uint64_t> others{0};       // flush_others, each call
  std::atomic<std::uint64_t> table_loads{0};  // of another table than the one loaded
};
Flushes& flushes();

// A translation of the table loaded on this processor, by a walk, not from the cache; not present if there is none.
PageEntry walk(std::uintptr_t address);

}  // namespace cv6::arch::simulation
