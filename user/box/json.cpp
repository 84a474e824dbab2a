#include "json.hpp"

#include <cstdint>
#include <cstdio>

namespace cv6::box {

// Of the controls, JSON escapes those of ASCII; terminals obey DEL and U+0080 to U+009F as well.
std::string json_text(const Json& json, int indent) {
  const std::string text = json.dump(indent, ' ', false, Json::error_handler_t::replace);
  std::string shown;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte_at = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0xffU; };
    const bool two = byte_at(at) == 0xc2 && byte_at(at + 1) < 0xa0;
    if (!two && byte_at(at) != 0x7f) {
      shown += text[at];
      continue;
    }
    if (two) ++at;
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(byte_at(at)));
    shown += escape;
  }
  return shown;
}

}  // namespace cv6::box
