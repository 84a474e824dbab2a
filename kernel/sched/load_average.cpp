// Load averages, as proc(5) describes loadavg: how many threads wanted a processor, exponentially damped over 1, 5 and 15
// minutes; fixed point with 11 bits.
#include <atomic>

#include "arch/clock.hpp"
#include "sched/scheduler.hpp"

namespace cv6::sched {

namespace {

constexpr Nanoseconds interval = 5 * nanoseconds_per_second;
constexpr std::uint32_t decay[3] = {1884, 2014, 2037};  // 2048 / e^(5 s / 1, 5, 15 min)
constinit std::atomic<Nanoseconds> next_update{interval};
constinit std::atomic<std::uint32_t> load[3] = {};

}  // namespace

void update_load(Nanoseconds now) {
  while (true) {
    Nanoseconds due = next_update.load(std::memory_order_relaxed);
    if (now < due) return;
    if (!next_update.compare_exchange_strong(due, due + interval, std::memory_order_relaxed)) continue;
    // Intervals that went by asleep had nothing to run.
    const std::uint64_t active = now - due < interval ? std::uint64_t{runnable_threads()} * 2048 : 0;
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t old = load[i].load(std::memory_order_relaxed);
      load[i].store(static_cast<std::uint32_t>((old * decay[i] + active * (2048 - decay[i])) / 2048), std::memory_order_relaxed);
    }
  }
}

LoadAverage load_average() {
  update_load(arch::monotonic_now());
  return {load[0].load(std::memory_order_relaxed), load[1].load(std::memory_order_relaxed),
          load[2].load(std::memory_order_relaxed)};
}

}  // namespace cv6::sched
