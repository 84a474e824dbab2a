// The words of a line, separated by blanks: `while (auto word = take_word(rest); !word.empty())`.
#pragma once

#include <string_view>

namespace cv6 {

// Takes the first word off `rest`; empty: there is none left.
constexpr std::string_view take_word(std::string_view& rest) {
  const std::size_t begin = rest.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) {
    rest = {};
    return {};
  }
  rest.remove_prefix(begin);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t\n"));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace cv6
