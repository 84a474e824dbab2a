#include "json.hpp"

#include <cstdint>
#include <cstdio>

#include "text.hpp"

namespace cv6::box {
namespace {

// A character U+0000 to U+00FF for each byte, and back.
std::string characters_of(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

std::string bytes_of(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool two = static_cast<std::uint8_t>(text[at]) >= 0x80 && at + 1 < text.size();
    bytes += two ? static_cast<char>(text[at] << 6 | (text[at + 1] & 0x3f)) : text[at];
    if (two) ++at;
  }
  return bytes;
}

Json in_each(const Json& json, Json (*change)(const Json&)) {
  Json changed = json;
  for (Json& member : changed) member = change(member);
  return changed;
}

}  // namespace

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

Json to_exact_json(const Json& json) {
  if (json.is_structured()) return in_each(json, to_exact_json);
  if (!json.is_string() || is_utf8(json.get_ref<const std::string&>())) return json;
  return {{"bytes", characters_of(json.get_ref<const std::string&>())}};
}

Json from_exact_json(const Json& json) {
  if (json.is_object() && json.size() == 1 && json.contains("bytes")) return bytes_of(json["bytes"].get<std::string>());
  return json.is_structured() ? in_each(json, from_exact_json) : json;
}

}  // namespace cv6::box
