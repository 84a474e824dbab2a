// The strings that a call's arguments point to, as the log keeps them: one after the other in the order of the arguments,
// each as a mark, its bytes, and a NUL. A string that is too long for its share of the room is cut.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "abi/decode.hpp"

namespace cv6::abi {

namespace text_mark {
inline constexpr char whole = '=', cut = '+', unreadable = '!';
}

// Reads them from the current program's memory. May block. Returns how much of `to` was used.
std::size_t read_texts(const std::array<ArgumentKind, 6>& kinds, const RawArguments& arguments, std::span<char> to);

struct Text {
  char mark = text_mark::unreadable;
  std::string_view bytes;
};
// The first of `texts`, which then begins after it. Without any left: unreadable.
Text take_text(std::string_view& texts);

}  // namespace cv6::abi
