// What the calls of the xv6 ABI have in common: how they look at addresses and names.
#pragma once

#include "abi/support.hpp"
#include "abi/xv6/types.hpp"

namespace cv6::xv6_abi {

// All of it is memory that the program has: Error::fault. Calls look before they do anything.
Result<void> check_memory(const Context& context, std::uintptr_t address, std::int64_t size);

// A name, as xv6 reads it: components are cut to 14 bytes, slashes at the end mean nothing. What an empty name means is up
// to the call: that there is nothing of that name (Error::noent), or the working directory.
class NameOf {
 public:
  enum class Empty : std::uint8_t { nothing, working_directory };
  NameOf() = default;
  NameOf(const NameOf&) = delete;
  NameOf& operator=(const NameOf&) = delete;
  // Error::fault, noent, nametoolong (4096 bytes), nomem.
  Result<void> read(UserString path, Empty empty = Empty::nothing);
  At at() const { return {nullptr, text_}; }

 private:
  PathBuffer buffer_;
  Vector<char> cut_;
  std::string_view text_;
};

}  // namespace cv6::xv6_abi
