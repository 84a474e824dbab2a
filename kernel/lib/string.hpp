// An owned string of bytes that does not change, and helpers for std::string_view. Creation can fail, use cannot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "lib/vector.hpp"

namespace cv6 {

class String {
 public:
  String() = default;
  static Result<String> create(std::string_view text) {
    String string;
    TRY(string.bytes_.resize(text.size() + 1));
    if (!text.empty()) std::memcpy(string.bytes_.data(), text.data(), text.size());
    string.bytes_[text.size()] = '\0';
    return string;
  }
  std::string_view view() const { return bytes_.empty() ? std::string_view() : std::string_view(bytes_.data(), size()); }
  operator std::string_view() const { return view(); }
  const char* c_str() const { return bytes_.empty() ? "" : bytes_.data(); }
  std::size_t size() const { return bytes_.empty() ? 0 : bytes_.size() - 1; }
  bool empty() const { return size() == 0; }

 private:
  Vector<char> bytes_;  // with a terminating NUL, or nothing
};

// A string with room for `capacity` bytes inside; what does not fit is cut.
template <std::size_t capacity>
class FixedString {
 public:
  constexpr FixedString() = default;
  constexpr FixedString(std::string_view text) { assign(text); }
  constexpr void assign(std::string_view text) {
    size_ = text.size() < capacity ? text.size() : capacity;
    for (std::size_t i = 0; i < size_; ++i) bytes_[i] = text[i];
    bytes_[size_] = '\0';
  }
  constexpr std::string_view view() const { return {bytes_, size_}; }
  constexpr operator std::string_view() const { return view(); }
  constexpr const char* c_str() const { return bytes_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }

 private:
  char bytes_[capacity + 1] = {};
  std::size_t size_ = 0;
};

// The whole text as an unsigned number; base 0: decimal, or hexadecimal after "0x".
inline std::optional<std::uint64_t> parse_unsigned(std::string_view text, unsigned base = 0) {
  if (base == 0) {
    base = text.starts_with("0x") ? 16 : 10;
    if (base == 16) text.remove_prefix(2);
  }
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    unsigned digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    if (digit >= base || __builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, digit, &value))
      return std::nullopt;
  }
  return value;
}

}  // namespace cv6
