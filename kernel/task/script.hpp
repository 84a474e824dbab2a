// The first line of a script, execve(2): "#!" interpreter [optional-argument].
#pragma once

#include <string_view>

#include "lib/result.hpp"

namespace cv6 {

inline constexpr std::size_t program_head_size = 256;  // the first bytes of a file decide what it is
inline constexpr unsigned script_depth_max = 5;        // interpreters that are scripts: Error::loop beyond

struct ScriptLine {
  std::string_view interpreter;
  std::string_view argument;  // everything after it in one piece, without blanks at its ends; empty: none
};
// `head`: the file's first bytes, at most program_head_size. Error::noexec: no interpreter, or its name is cut off.
Result<ScriptLine> parse_script(std::string_view head);
inline bool is_script(std::string_view head) { return head.starts_with("#!"); }

}  // namespace cv6
