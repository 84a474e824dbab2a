#include "run/kernel_log.hpp"

#include <ranges>

namespace cv6::host {
namespace {

constexpr std::string_view panic_mark = "PANIC: ";
constexpr std::size_t most_lines = 40;  // of a panic's report

// What follows the time in brackets; empty: there is none, it is not a line of the kernel's log.
std::string_view message_of(std::string_view line) {
  const std::size_t end = line.starts_with('[') ? line.find("] ") : std::string_view::npos;
  return end == std::string_view::npos ? std::string_view() : line.substr(end + 2);
}

}  // namespace

LastWords last_words(std::string_view log) {
  LastWords words{.reason = "no reason given", .report = {}};
  for (const auto part : std::views::split(log, '\n')) {
    std::string_view line(part.begin(), part.end());
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string_view message = message_of(line);
    if (message.empty()) continue;
    const bool panics = message.starts_with(panic_mark);
    if (words.report.empty()) words.reason = message.substr(panics ? panic_mark.size() : 0);
    if ((panics || !words.report.empty()) && words.report.size() < most_lines) words.report.emplace_back(message);
  }
  return words;
}

}  // namespace cv6::host
