// Numbers in words of the command line.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace cv6::box {

// The whole text, or nothing.
template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return number;
}

}  // namespace cv6::box
