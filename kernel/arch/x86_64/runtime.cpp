// What compiled C++ calls without being asked to, besides memory.S and operator new (mm/).
#include <cstddef>

#include "lib/panic.hpp"

// no_builtin: the loops must not be turned into calls of themselves.
extern "C" {

[[clang::no_builtin]] std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length]) ++length;
  return length;
}

[[clang::no_builtin]] void* memchr(const void* at, int byte, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(at);
  for (std::size_t i = 0; i < size; ++i)
    if (bytes[i] == static_cast<unsigned char>(byte)) return const_cast<unsigned char*>(bytes + i);
  return nullptr;
}

[[noreturn]] void abort() { cv6::panic("abort"); }

[[noreturn]] void __cxa_pure_virtual() { cv6::panic("a pure virtual function was called"); }
}

namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...);
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) { cv6::panic(format); }
}  // namespace __1
}  // namespace std
