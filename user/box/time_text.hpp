// Moments and spans of time, in words.
#pragma once

#include <cstdint>
#include <string>

namespace cv6::box {

std::uint64_t now();  // nanoseconds since 1970

// "2026-11-22T12:00:00", perhaps with a fraction and Z (UTC); or a span before now: "90s", "5m", "2h". Nanoseconds since
// 1970. Throws Failure.
std::uint64_t parse_moment(const std::string& text);

// "5 seconds", "2 minutes", "3 hours", "4 days".
std::string span_text(std::uint64_t nanoseconds);

// "2026-11-22T12:00:00.123456789Z".
std::string moment_text(std::uint64_t nanoseconds);

}  // namespace cv6::box
