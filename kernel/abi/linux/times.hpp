// Between the kernel's nanoseconds and what programs pass: timespec, timeval (time(7)). Values out of range saturate:
// a wait until then is a wait for ever.
#pragma once

#include "abi/linux/types_time.hpp"
#include "lib/result.hpp"
#include "lib/units.hpp"

namespace cv6::linux_abi {

constexpr Timespec timespec_of(Nanoseconds time) {
  constexpr std::uint64_t second = nanoseconds_per_second;
  if (time < 0) [[unlikely]] {  // before 1970: the rest counts forwards all the same
    const auto bits = static_cast<std::uint64_t>(time);  // modulo 2^64: the earliest time has no opposite
    const std::uint64_t before = (0 - bits + second - 1) / second;
    return {-static_cast<std::int64_t>(before), static_cast<std::int64_t>(bits + before * second)};
  }
  const auto positive = static_cast<std::uint64_t>(time);
  return {static_cast<std::int64_t>(positive / second), static_cast<std::int64_t>(positive % second)};
}

static_assert(timespec_of(-1).tv_sec == -1 && timespec_of(-1).tv_nsec == 999'999'999);
static_assert(timespec_of(INT64_MIN).tv_sec == -9'223'372'037 && timespec_of(INT64_MIN).tv_nsec == 145'224'192);

constexpr Timeval timeval_of(Nanoseconds time) {
  const Timespec exact = timespec_of(time);
  return {exact.tv_sec, exact.tv_nsec / 1000};
}

constexpr Nanoseconds saturating_nanoseconds(std::int64_t seconds, std::int64_t nanoseconds) {
  Nanoseconds time;
  if (__builtin_mul_overflow(seconds, nanoseconds_per_second, &time) || __builtin_add_overflow(time, nanoseconds, &time))
    return seconds < 0 ? INT64_MIN : never;
  return time;
}

// A time since 1970, which may be before it.
constexpr Result<Nanoseconds> time_from(const Timespec& time) {
  if (time.tv_nsec < 0 || time.tv_nsec >= nanoseconds_per_second) return Error::inval;
  return saturating_nanoseconds(time.tv_sec, time.tv_nsec);
}
constexpr Result<Nanoseconds> time_from(const Timeval& time) {
  if (time.tv_usec < 0 || time.tv_usec >= 1'000'000) return Error::inval;
  return saturating_nanoseconds(time.tv_sec, time.tv_usec * 1000);
}
// A length of time: not negative.
template <class Time>
constexpr Result<Nanoseconds> duration_from(const Time& time) {
  if (time.tv_sec < 0) return Error::inval;
  return time_from(time);
}
// When a wait of that length that begins at `now` ends.
constexpr Nanoseconds deadline_after(Nanoseconds now, Nanoseconds duration) {
  Nanoseconds deadline;
  return __builtin_add_overflow(now, duration, &deadline) ? never : deadline;
}

}  // namespace cv6::linux_abi
