// Names of a directory on their way to a program. They wait here until the directory is not locked any more, see
// DirectorySink.
#pragma once

#include <algorithm>

#include "arch/user_memory.hpp"
#include "lib/units.hpp"
#include "mm/heap.hpp"

namespace cv6::abi {

class Listing {
 public:
  // One call gives so many bytes of names: it is for the program to ask until there are no more.
  static constexpr std::size_t most = 32_KiB;

  // Room for `size` bytes: or fewer, for some names, if there is not so much memory.
  explicit Listing(std::size_t size) : size_(std::min(size, most)) {
    if (size_ <= sizeof short_) return;
    if (void* const block = heap::take(size_))
      bytes_ = static_cast<char*>(block);
    else
      size_ = sizeof short_;
  }
  ~Listing() {
    if (bytes_ != short_) heap::give(bytes_);
  }
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  std::size_t room() const { return size_ - used_; }
  // Where the next bytes go, and that they are there.
  char* next() { return bytes_ + used_; }
  void add(std::size_t count) { used_ += count; }
  const char* bytes() const { return bytes_; }
  std::size_t size() const { return used_; }

  // How many bytes arrived: all, unless the program's memory ends before.
  std::size_t copy_to(std::uintptr_t to) const { return used_ - arch::copy_to_user(to, bytes_, used_); }

 private:
  char short_[512];
  char* bytes_ = short_;
  std::size_t size_;
  std::size_t used_ = 0;
};

}  // namespace cv6::abi
