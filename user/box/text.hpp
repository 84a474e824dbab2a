// Texts that others have written (names of files, words of command lines, what a container calls itself): any bytes at all.
#pragma once

#include <string>
#include <string_view>

namespace cv6::box {

// How many bytes the character of UTF-8 at `at` has; 0: there is none, or not a whole one.
std::size_t character_at(std::string_view text, std::size_t at);
bool is_utf8(std::string_view text);

// As it may be shown on a terminal: what would command it, begin another line or is no UTF-8 becomes \ooo.
std::string printable(std::string_view text);

}  // namespace cv6::box
