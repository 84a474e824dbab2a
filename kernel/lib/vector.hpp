// A growing array whose growth can fail: `TRY(v.push_back(x))`. Otherwise what std::vector is.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <utility>

#include "lib/result.hpp"

namespace cv6 {

template <class T>
class Vector {
 public:
  Vector() = default;
  Vector(Vector&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Vector& operator=(Vector other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Vector() {
    clear();
    ::operator delete(data_);
  }

  Result<void> reserve(std::size_t wanted) {
    if (wanted <= capacity_) return {};
    if (wanted > PTRDIFF_MAX / sizeof(T)) return Error::nomem;
    T* fresh = static_cast<T*>(::operator new(wanted * sizeof(T), std::nothrow));
    if (!fresh) return Error::nomem;
    for (std::size_t i = 0; i < size_; ++i) {
      new (&fresh[i]) T(std::move(data_[i]));
      data_[i].~T();
    }
    ::operator delete(data_);
    data_ = fresh;
    capacity_ = wanted;
    return {};
  }
  Result<void> push_back(T value) {
    if (size_ == capacity_) TRY(reserve(capacity_ ? capacity_ * 2 : 8));
    new (&data_[size_++]) T(std::move(value));
    return {};
  }
  // Exactly `size` elements; new ones are value-initialised.
  Result<void> resize(std::size_t size) {
    TRY(reserve(size));
    while (size_ < size) new (&data_[size_++]) T();
    while (size_ > size) data_[--size_].~T();
    return {};
  }
  void pop_back() { data_[--size_].~T(); }
  void clear() {
    while (size_) pop_back();
  }

  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  operator std::span<T>() { return {data_, size_}; }
  operator std::span<const T>() const { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace cv6
