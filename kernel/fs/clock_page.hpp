// What a program needs to read the clocks without asking the kernel: a page that every Linux program has mapped, next to
// the code that reads it (kernel/vdso/clocks.cpp).
#pragma once

#include <atomic>
#include <cstdint>

namespace cv6 {

struct ClockPage {
  // The monotonic clock: (time stamp - start) * nanoseconds_per_cycle / 2^32. They never change.
  std::uint64_t start = 0;
  std::uint64_t nanoseconds_per_cycle = 0;
  // The real-time clock minus the monotonic one, in nanoseconds: changes when the clock is set.
  std::atomic<std::int64_t> real_time_offset{0};
};

}  // namespace cv6
