// Text from values, as std::format does it, without allocation: `print(out, "pid {} at {:x}\n", pid, address)`.
//
// A placeholder is {} or {:SPEC}, SPEC = [<|>][0][width][x|o|c]: alignment (numbers right, text left by default), zero
// padding, minimum width, hexadecimal, octal, character. `{{` and `}}` are braces. A format string that does not fit its
// arguments prints `{?}` in that place.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace cv6 {

// Where formatted text goes.
class Output {
 public:
  virtual void write(std::string_view text) = 0;

 protected:
  ~Output() = default;
};

// Into a buffer of the caller's; what does not fit is cut, and `truncated()` says so.
class BufferOutput final : public Output {
 public:
  explicit BufferOutput(std::span<char> buffer) : buffer_(buffer) {}
  void write(std::string_view text) override {
    const std::size_t fits = text.size() <= buffer_.size() - used_ ? text.size() : buffer_.size() - used_;
    if (fits) std::memcpy(buffer_.data() + used_, text.data(), fits);
    used_ += fits;
    truncated_ |= fits != text.size();
  }
  std::string_view view() const { return {buffer_.data(), used_}; }
  bool truncated() const { return truncated_; }

 private:
  std::span<char> buffer_;
  std::size_t used_ = 0;
  bool truncated_ = false;
};

namespace format_detail {

struct Argument {
  enum class Kind : std::uint8_t { none, unsigned_number, signed_number, text, character, pointer, boolean } kind;
  union {
    std::uint64_t number;
    struct {
      const char* data;
      std::size_t size;
    } text;
  };
};

template <class T>
Argument argument(const T& value) {
  Argument result{};
  if constexpr (std::same_as<T, bool>) {
    result.kind = Argument::Kind::boolean;
    result.number = value;
  } else if constexpr (std::same_as<T, char>) {
    result.kind = Argument::Kind::character;
    result.number = static_cast<unsigned char>(value);
  } else if constexpr (std::is_enum_v<T>) {
    return argument(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::signed_integral<T>) {
    result.kind = Argument::Kind::signed_number;
    result.number = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    result.kind = Argument::Kind::unsigned_number;
    result.number = value;
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    const std::string_view view = value;
    result.kind = Argument::Kind::text;
    result.text = {view.data(), view.size()};
  } else {
    static_assert(std::is_pointer_v<T>, "no way to print this type");
    result.kind = Argument::Kind::pointer;
    result.number = reinterpret_cast<std::uintptr_t>(value);
  }
  return result;
}

void print(Output& out, std::string_view format, std::span<const Argument> arguments);

}  // namespace format_detail

template <class... Args>
void print(Output& out, std::string_view format, const Args&... args) {
  const format_detail::Argument arguments[sizeof...(Args) + 1] = {format_detail::argument(args)...};
  format_detail::print(out, format, {arguments, sizeof...(Args)});
}

// Into `buffer`; returns what was written there (cut if it did not fit).
template <class... Args>
std::string_view format_to(std::span<char> buffer, std::string_view format, const Args&... args) {
  BufferOutput out(buffer);
  print(out, format, args...);
  return out.view();
}

}  // namespace cv6
