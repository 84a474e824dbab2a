#include "abi/call_texts.hpp"

#include <algorithm>

namespace cv6::abi {

namespace {

// Mark, bytes, NUL.
std::size_t read_text(std::uintptr_t address, std::span<char> to) {
  const std::ptrdiff_t length = arch::copy_string_from_user(to.data() + 1, address, to.size() - 1);
  if (length < 0) {
    to[0] = text_mark::unreadable;
    to[1] = '\0';
    return 2;
  }
  const std::size_t kept = std::min(static_cast<std::size_t>(length), to.size() - 2);
  to[0] = kept == static_cast<std::size_t>(length) ? text_mark::whole : text_mark::cut;
  to[kept + 1] = '\0';
  return kept + 2;
}

}  // namespace

std::size_t read_texts(const std::array<ArgumentKind, 6>& kinds, const RawArguments& arguments, std::span<char> to) {
  auto left = static_cast<std::size_t>(std::ranges::count(kinds, ArgumentKind::path));
  std::size_t used = 0;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i] == ArgumentKind::path) used += read_text(arguments[i], to.subspan(used, (to.size() - used) / left--));
  return used;
}

Text take_text(std::string_view& texts) {
  const std::size_t end = texts.find('\0');
  if (end == std::string_view::npos || end == 0) return {};
  const Text text{texts[0], texts.substr(1, end - 1)};
  texts.remove_prefix(end + 1);
  return text;
}

}  // namespace cv6::abi
