// An array of zeros that a container is charged, in whole pages, as long as it exists: for rings and tables of its own.
#pragma once

#include "mm/guest_memory.hpp"

namespace cv6 {

class ChargedArray {
 public:
  ChargedArray() = default;
  ChargedArray(ChargedArray&& other) noexcept { swap(other); }
  ChargedArray& operator=(ChargedArray&&) = delete;
  ~ChargedArray();
  static Result<ChargedArray> create(std::uint64_t count, std::size_t size, GuestMemory& payer);  // Error::nomem
  void swap(ChargedArray& other) noexcept;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t pages() const { return pages_; }

 private:
  void* data_ = nullptr;
  std::uint64_t count_ = 0, pages_ = 0;
  Ref<GuestMemory> payer_;
};

}  // namespace cv6
