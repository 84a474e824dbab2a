#pragma once
// Clocks, in nanoseconds.

#include <ctime>

namespace cv6::guest {

inline constexpr long second = 1'000'000'000;

inline long nanoseconds(const timespec& time) { return time.tv_sec * second + time.tv_nsec; }
inline timespec time_of(long nanoseconds) { return {nanoseconds / second, nanoseconds % second}; }

inline long now(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time{};
  clock_gettime(clock, &time);
  return nanoseconds(time);
}

}  // namespace cv6::guest
