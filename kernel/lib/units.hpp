// Sizes and times, so that no bare number needs a comment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6 {

inline constexpr std::size_t page_shift = 12;
inline constexpr std::size_t page_size = std::size_t{1} << page_shift;

constexpr std::uint64_t operator""_KiB(unsigned long long n) { return n << 10; }
constexpr std::uint64_t operator""_MiB(unsigned long long n) { return n << 20; }
constexpr std::uint64_t operator""_GiB(unsigned long long n) { return n << 30; }

template <class T>
constexpr T page_floor(T address) { return address & ~static_cast<T>(page_size - 1); }
template <class T>
constexpr T page_ceiling(T address) { return page_floor(static_cast<T>(address + page_size - 1)); }
constexpr std::uint64_t pages_for(std::uint64_t bytes) { return (bytes >> page_shift) + ((bytes & (page_size - 1)) != 0); }

// Times are nanoseconds in 64 bits, signed: since boot (monotonic clock) or since 1970 (real-time clock).
using Nanoseconds = std::int64_t;
inline constexpr Nanoseconds nanoseconds_per_second = 1'000'000'000;
inline constexpr Nanoseconds nanoseconds_per_millisecond = 1'000'000;
inline constexpr Nanoseconds never = INT64_MAX;  // as a deadline

}  // namespace cv6
