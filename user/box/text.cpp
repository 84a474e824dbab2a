#include "text.hpp"

#include <cstdint>
#include <cstdio>

namespace cv6::box {
namespace {

bool is_control(char32_t character) { return character < 0x20 || (character >= 0x7f && character < 0xa0); }

char32_t value_of(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(character[i]); };
  if (character.size() == 1) return byte(0);
  char32_t value = byte(0) & (0xffU >> (character.size() + 1));
  for (std::size_t i = 1; i < character.size(); ++i) value = value << 6 | (byte(i) & 0x3f);
  return value;
}

}  // namespace

// RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF.
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() - at < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((static_cast<std::uint8_t>(text[at + i]) & 0xc0) != 0x80) return 0;
  const char32_t value = value_of(text.substr(at, size));
  const bool shorter_would_do = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
  return shorter_would_do || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff ? 0 : size;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0, size; at < text.size(); at += size)
    if ((size = character_at(text, at)) == 0) return false;
  return true;
}

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_at(text, at);
    const std::string_view part = text.substr(at, size ? size : 1);
    at += part.size();
    if (size && !is_control(value_of(part))) {
      shown += part;
      continue;
    }
    for (const char c : part) {
      char octal[8];
      std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(static_cast<std::uint8_t>(c)));
      shown += octal;
    }
  }
  return shown;
}

}  // namespace cv6::box
