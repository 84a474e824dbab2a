// Shared ownership by a count inside the object.
//
// A class derives from Counted<itself>; `Ref<T>` holds one count. The count starts at one, owned by the Ref that
// `adopt` makes (usually by `make`). When the last Ref goes, `T::last_reference_gone()` runs if the class has one (to
// put the object elsewhere: a cache, a list), else the object is deleted.
//
// Counts are atomic; the object is not protected by them: two threads may each own a Ref, but one Ref object belongs to
// one thread at a time (or to a lock).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "lib/result.hpp"

namespace cv6 {

template <class T>
class Counted {
 public:
  void hold() const { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() const {
    if (count_.fetch_sub(1, std::memory_order_release) != 1) return;
    std::atomic_thread_fence(std::memory_order_acquire);  // everything done through other Refs is visible to the end
    T* object = const_cast<T*>(static_cast<const T*>(this));
    if constexpr (requires { object->last_reference_gone(); })
      object->last_reference_gone();
    else
      delete object;
  }
  // One more count, unless the object is already going: for tables that hold no count of their own.
  [[nodiscard]] bool hold_unless_gone() const {
    std::uint32_t count = count_.load(std::memory_order_relaxed);
    while (count != 0)
      if (count_.compare_exchange_weak(count, count + 1, std::memory_order_acquire)) return true;
    return false;
  }
  // How many Refs there are: only a hint while others may copy theirs.
  std::uint32_t references() const { return count_.load(std::memory_order_relaxed); }

 protected:
  Counted() = default;
  ~Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  mutable std::atomic<std::uint32_t> count_{1};
};

// One pointer, passed and returned in a register (trivial_abi): what takes a Ref by value destroys it.
template <class T>
class [[clang::trivial_abi]] Ref {
 public:
  constexpr Ref() = default;
  constexpr Ref(std::nullptr_t) {}
  explicit Ref(T* object) : object_(object) {
    if (object_) object_->hold();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires std::convertible_to<U*, T*>
  Ref(const Ref<U>& other) : Ref(static_cast<T*>(other.get())) {}
  template <class U>
    requires std::convertible_to<U*, T*>
  Ref(Ref<U>&& other) noexcept : object_(other.leak()) {}
  ~Ref() {
    if (object_) object_->release();
  }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  // Takes over a count that somebody already holds.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  // Gives up the count without releasing it; the caller owns it now.
  [[nodiscard]] T* leak() { return std::exchange(object_, nullptr); }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.object_ == b.object_; }
  friend bool operator==(const Ref& a, const T* b) { return a.object_ == b; }

 private:
  T* object_ = nullptr;
};

template <class To, class From>
Ref<To> static_ref_cast(Ref<From> ref) {
  return Ref<To>::adopt(static_cast<To*>(ref.leak()));
}

template <class T>
using Own = std::unique_ptr<T>;

// A new counted object, or Error::nomem.
template <class T, class... Args>
Result<Ref<T>> make(Args&&... args) {
  T* object = new (std::nothrow) T(std::forward<Args>(args)...);
  if (!object) return Error::nomem;
  return Ref<T>::adopt(object);
}

// A new object with a single owner, or Error::nomem.
template <class T, class... Args>
Result<Own<T>> make_own(Args&&... args) {
  Own<T> object(new (std::nothrow) T(std::forward<Args>(args)...));
  if (!object) return Error::nomem;
  return object;
}

}  // namespace cv6
