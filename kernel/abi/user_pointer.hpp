// What a program passes by address. These types only name user memory: nothing is looked at until read() or write()
// copies it, once, and then the copy is what counts. A bad address is Error::fault. Copies may block (arch/user_memory.hpp).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "arch/user_memory.hpp"
#include "lib/result.hpp"
#include "lib/units.hpp"
#include "lib/vector.hpp"

namespace cv6 {

// A T, or an array of them, in user memory. T has no padding that is not a named member: what is written shows all its
// bytes to the program.
template <class T>
class UserPtr {
 public:
  static_assert(std::is_trivially_copyable_v<T>);
  constexpr UserPtr() = default;
  constexpr explicit UserPtr(std::uintptr_t address) : address_(address) {}

  constexpr std::uintptr_t address() const { return address_; }
  constexpr explicit operator bool() const { return address_ != 0; }
  constexpr UserPtr operator+(std::size_t index) const { return UserPtr(address_ + index * sizeof(T)); }

  Result<T> read() const {
    T value;
    if (!read_into(value)) [[unlikely]] return Error::fault;
    return value;
  }
  // For what is too large to be moved about.
  Result<void> read_into(T& value) const {
    bool copied;
    if constexpr (is_words)
      copied = arch::copy_words_from_user(&value, address_, sizeof value / 8);
    else
      copied = arch::copy_from_user(&value, address_, sizeof value) == 0;
    if (!copied) [[unlikely]] return Error::fault;
    return {};
  }
  Result<void> write(const T& value) const {
    bool copied;
    if constexpr (is_words)
      copied = arch::copy_words_to_user(address_, &value, sizeof value / 8);
    else
      copied = arch::copy_to_user(address_, &value, sizeof value) == 0;
    if (!copied) [[unlikely]] return Error::fault;
    return {};
  }
  // For results that a program may not want: a null pointer is satisfied with nothing.
  Result<void> write_if_wanted(const T& value) const {
    if (address_ == 0) return {};
    return write(value);
  }
  Result<void> read_array(std::span<T> to) const {
    if (arch::copy_from_user(to.data(), address_, to.size_bytes()) != 0) [[unlikely]] return Error::fault;
    return {};
  }
  Result<void> write_array(std::span<const T> from) const {
    if (arch::copy_to_user(address_, from.data(), from.size_bytes()) != 0) [[unlikely]] return Error::fault;
    return {};
  }

 private:
  static constexpr bool is_words = sizeof(T) > 8 && sizeof(T) % 8 == 0;
  std::uintptr_t address_ = 0;
};
using UserBytes = UserPtr<std::byte>;

// A structure that may grow (clone3(2), openat2(2)): the caller says how large its version is. What it does not have is
// zero; what it has beyond ours must be zero. Error::inval: smaller than the first version; Error::toobig.
template <class T>
Result<T> read_extensible(UserPtr<T> from, std::size_t size, std::size_t first_version) {
  if (size > page_size) return Error::toobig;
  if (size < first_version) return Error::inval;
  T value{};
  const std::size_t known = size < sizeof value ? size : sizeof value;
  if (arch::copy_from_user(&value, from.address(), known) != 0) return Error::fault;
  for (std::size_t at = known; at < size; ++at) {
    const auto byte = UserBytes(from.address() + at).read();
    if (!byte) return byte.error();
    if (*byte != std::byte{}) return Error::toobig;
  }
  return value;
}

// The answer in such a structure, as far as the caller's version goes.
template <class T>
Result<void> write_extensible(UserPtr<T> to, const T& value, std::size_t size) {
  if (arch::copy_to_user(to.address(), &value, size < sizeof value ? size : sizeof value) != 0) return Error::fault;
  return {};
}

// Room for a path name: short ones stay on the stack, longer ones get memory.
class PathBuffer {
 public:
  static constexpr std::size_t maximum = 4096;  // PATH_MAX, with the NUL
  PathBuffer() = default;

 private:
  friend class UserString;
  static constexpr std::size_t short_size = 256;
  char short_[short_size];
  Vector<char> long_;
};

// A string of the program's that ends with a NUL.
class UserString {
 public:
  constexpr UserString() = default;
  constexpr explicit UserString(std::uintptr_t address) : address_(address) {}
  constexpr std::uintptr_t address() const { return address_; }
  constexpr explicit operator bool() const { return address_ != 0; }

  // Copied into `buffer`; at most PATH_MAX - 1 bytes, else Error::nametoolong.
  Result<std::string_view> read(PathBuffer& buffer) const {
    const std::ptrdiff_t length = arch::copy_string_from_user(buffer.short_, address_, PathBuffer::short_size);
    if (length < 0) [[unlikely]] return Error::fault;
    if (static_cast<std::size_t>(length) < PathBuffer::short_size) [[likely]]
      return std::string_view(buffer.short_, static_cast<std::size_t>(length));
    return read_long(buffer);
  }

 private:
  Result<std::string_view> read_long(PathBuffer& buffer) const {
    TRY(buffer.long_.resize(PathBuffer::maximum));
    const std::ptrdiff_t length = arch::copy_string_from_user(buffer.long_.data(), address_, PathBuffer::maximum);
    if (length < 0) return Error::fault;
    if (static_cast<std::size_t>(length) >= PathBuffer::maximum) return Error::nametoolong;
    return std::string_view(buffer.long_.data(), static_cast<std::size_t>(length));
  }
  std::uintptr_t address_ = 0;
};

}  // namespace cv6
