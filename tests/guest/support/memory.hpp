#pragma once
// Memory for tests: mappings that go away by themselves, and pointers that no call may accept.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "support/check.hpp"

namespace cv6::guest {

inline constexpr std::size_t page_size = 4096;

// One mapping, unmapped at the end of the scope. `at` is MAP_FAILED when mmap failed (errno is left).
class Mapping {
 public:
  explicit Mapping(std::size_t length, int protection = PROT_READ | PROT_WRITE, int flags = MAP_PRIVATE | MAP_ANONYMOUS,
                   int fd = -1, off_t offset = 0, void* hint = nullptr)
      : at_(static_cast<std::byte*>(mmap(hint, length, protection, flags, fd, offset))), length_(length) {}
  ~Mapping() {
    if (ok()) munmap(at_, length_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  bool ok() const { return at_ != MAP_FAILED; }
  std::byte* page(std::size_t index) const { return at_ + index * page_size; }
  std::size_t length() const { return length_; }
  template <class T = char>
  T* as(std::size_t offset = 0) const {
    return reinterpret_cast<T*>(at_ + offset);
  }

 private:
  std::byte* at_;
  std::size_t length_;
};

// Addresses that are never a user's memory: near zero, not canonical, in the kernel's half, the last byte.
inline constexpr std::uintptr_t wild_addresses[] = {8, 0x0000'8000'0000'0000, 0xffff'8000'0000'0000,
                                                    0xffff'ffff'ffff'ffff};

template <class T = void>
T* wild(std::size_t index = 0) {
  std::uintptr_t address = wild_addresses[index];
  asm("" : "+r"(address));  // the compiler must not reason about it
  return reinterpret_cast<T*>(address);
}

// `length` bytes that end where memory ends: the byte after them faults.
class EdgeBuffer {
 public:
  explicit EdgeBuffer(std::size_t length) : pages_(2 * page_size), length_(length) {
    mprotect(pages_.page(1), page_size, PROT_NONE);
  }
  template <class T = char>
  T* as() const {
    return pages_.as<T>(page_size - length_);
  }

 private:
  Mapping pages_;
  std::size_t length_;
};

}  // namespace cv6::guest
