#include "fs/real_time.hpp"

#include <atomic>

#include "arch/clock.hpp"

namespace cv6 {

namespace {
constinit std::atomic<Nanoseconds> correction{0};  // what clock_settime has added to the battery clock
}

Nanoseconds real_time_now() {
  return arch::real_time_at_boot() + arch::monotonic_now() + correction.load(std::memory_order_relaxed);
}

void set_real_time(Nanoseconds now) {
  correction.store(now - arch::real_time_at_boot() - arch::monotonic_now(), std::memory_order_relaxed);
}

}  // namespace cv6
