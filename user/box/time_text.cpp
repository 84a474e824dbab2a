#include "time_text.hpp"

#include <charconv>
#include <cstdio>
#include <ctime>

#include "failure.hpp"

namespace cv6::box {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

// Seconds in a span, or -1.
std::int64_t parse_span(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || number < 0 || end - rest != 1) return -1;
  switch (*rest) {
    case 's': return number;
    case 'm': return number * 60;
    case 'h': return number * 3600;
    default: return -1;
  }
}

}  // namespace

std::uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * second + static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t parse_moment(const std::string& text) {
  if (const std::int64_t seconds = parse_span(text); seconds >= 0) {
    const std::uint64_t span = static_cast<std::uint64_t>(seconds) * second;
    return span < now() ? now() - span : 0;
  }
  tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::uint64_t fraction = 0;
  if (rest && *rest == '.') {
    std::uint64_t unit = second / 10;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) fraction += static_cast<std::uint64_t>(*rest - '0') * unit;
  }
  if (rest && *rest == 'Z') ++rest;
  if (!rest || *rest) throw Failure(text + ": not a time (10s, 5m, 2h, or 2026-11-22T12:00:00)");
  return static_cast<std::uint64_t>(::timegm(&parts)) * second + fraction;
}

std::string span_text(std::uint64_t nanoseconds) {
  std::uint64_t number = nanoseconds / second;
  const char* unit = "second";
  for (const auto& [size, larger] : {std::pair{60u, "minute"}, std::pair{60u, "hour"}, std::pair{24u, "day"}}) {
    if (number < size) break;
    number /= size;
    unit = larger;
  }
  return std::to_string(number) + " " + unit + (number == 1 ? "" : "s");
}

std::string moment_text(std::uint64_t nanoseconds) {
  const auto seconds = static_cast<std::time_t>(nanoseconds / second);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  char day[40], whole[64];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(whole, sizeof whole, "%s.%09lluZ", day, static_cast<unsigned long long>(nanoseconds % second));
  return whole;
}

}  // namespace cv6::box
