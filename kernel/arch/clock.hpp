// Time and the one timer each processor has.
#pragma once

#include "lib/units.hpp"

namespace cv6::arch {

// Since boot; the same on all processors; never goes back.
Nanoseconds monotonic_now();
// Real time (since 1970) at the moment that monotonic_now() calls 0, from the battery clock.
Nanoseconds real_time_at_boot();
// A counter for measuring and for randomness; on x86-64 the time stamp counter.
std::uint64_t cycles();
std::uint64_t cycles_per_second();  // 0: not known yet
// What monotonic_now() reckons with, once the frequency is known: (cycles() - start) * nanoseconds_per_cycle / 2^32.
struct ClockScale {
  std::uint64_t start = 0;
  std::uint64_t nanoseconds_per_cycle = 0;
};
ClockScale clock_scale();

// One-shot: `on_timer` (upcalls.hpp) on this processor when the deadline has come, soon if it has passed; `never`: not.
// Replaces the deadline set before.
void set_timer(Nanoseconds deadline);

}  // namespace cv6::arch
