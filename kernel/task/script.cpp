#include "task/script.hpp"

namespace cv6 {

namespace {

constexpr std::string_view blanks = " \t";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

Result<ScriptLine> parse_script(std::string_view head) {
  if (!is_script(head)) return Error::noexec;
  const std::string_view text = head.substr(2);
  // A NUL ends the line as well: nothing behind it could be passed on.
  const std::size_t end = text.find_first_of(std::string_view("\n\0", 2));
  const bool complete = end != text.npos || head.size() < program_head_size;
  const std::string_view line = text.substr(0, end);
  const std::string_view trimmed = trim(line);
  if (trimmed.empty()) return Error::noexec;
  const std::size_t name_end = trimmed.find_first_of(blanks);
  if (name_end == trimmed.npos) {
    // Up to the last byte that was read there is no end of the name: it may go on.
    const bool name_cut = !complete && line.find_last_not_of(blanks) + 1 == line.size();
    if (name_cut) return Error::noexec;
    return ScriptLine{trimmed, {}};
  }
  return ScriptLine{trimmed.substr(0, name_end), trim(trimmed.substr(name_end))};
}

}  // namespace cv6
