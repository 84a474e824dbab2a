#include "abi/xv6/arguments.hpp"

#include <algorithm>

namespace cv6::xv6_abi {

namespace {

bool has_long_component(std::string_view path) {
  std::size_t length = 0;
  for (const char c : path) {
    length = c == '/' ? 0 : length + 1;
    if (length > longest_name) return true;
  }
  return false;
}

}  // namespace

Result<void> check_memory(const Context& context, std::uintptr_t address, std::int64_t size) {
  const std::uintptr_t end = context.process.address_space().heap_end();
  if (size < 0 || address >= end || static_cast<std::uint64_t>(size) > end - address) return Error::fault;
  return {};
}

Result<void> NameOf::read(UserString path, Empty empty) {
  text_ = TRY(path.read(buffer_));
  if (text_.empty() && empty == Empty::nothing) return Error::noent;
  if (text_.empty()) text_ = ".";
  while (text_.size() > 1 && text_.ends_with('/')) text_.remove_suffix(1);
  if (!has_long_component(text_)) return {};
  TRY(cut_.reserve(text_.size()));
  std::size_t length = 0;
  for (const char c : text_) {
    length = c == '/' ? 0 : length + 1;
    if (length <= longest_name) TRY(cut_.push_back(c));
  }
  text_ = {cut_.data(), cut_.size()};
  return {};
}

}  // namespace cv6::xv6_abi
