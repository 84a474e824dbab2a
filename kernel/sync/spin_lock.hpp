// Spin locks, and data that lives inside one.
//
//   Guarded<Table, Rank::inode> entries_;
//   entries_.with([&](Table& table) { table.insert(...); });      // the usual way
//   auto table = entries_.lock();  table->insert(...);            // for control flow that a lambda makes awkward
//
// Held for a short, bounded time; never across anything that blocks, destroys objects or touches user memory. Interrupts
// are off in the kernel (arch/cpu.hpp), so there is one kind only.
//
// Who comes first is not served first: processors are mostly virtual ones, and if a lock could only go to the one that
// waited longest, all others would wait until that one is run again by whoever runs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "arch/cpu.hpp"
#include "lib/panic.hpp"
#include "sync/rank.hpp"

#define CV6_CAPABILITY(name) __attribute__((capability(name)))
#define SCOPED_CAPABILITY __attribute__((scoped_lockable))
#define GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define REQUIRES_SHARED(...) __attribute__((requires_shared_capability(__VA_ARGS__)))
#define ACQUIRE(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASE(...) __attribute__((release_capability(__VA_ARGS__)))
#define NO_THREAD_SAFETY_ANALYSIS __attribute__((no_thread_safety_analysis))

namespace cv6 {

#ifdef CV6_DEBUG
// Debug: what this processor holds, in order. Defined in spin_lock.cpp.
void check_lock_order_and_note(const void* lock, Rank rank);
void forget_lock(const void* lock);
// Panics if this processor holds a spin lock: called before anything that may block.
void assert_no_spin_lock_held();
#else
inline void assert_no_spin_lock_held() {}
#endif

class CV6_CAPABILITY("spin lock") SpinLock {
 public:
  constexpr explicit SpinLock(Rank rank) : rank_(rank) {}
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() ACQUIRE() {
#ifdef CV6_DEBUG
    check_lock_order_and_note(this, rank_);
#endif
    while (held_.exchange(true, std::memory_order_acquire)) [[unlikely]]  // acquire: pairs with unlock
      while (held_.load(std::memory_order_relaxed)) arch::relax();
  }
  void unlock() RELEASE() {
#ifdef CV6_DEBUG
    forget_lock(this);
#endif
    held_.store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool> held_{false};
  [[maybe_unused]] Rank rank_;
};

class SCOPED_CAPABILITY SpinGuard {
 public:
  explicit SpinGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~SpinGuard() RELEASE() { lock_.unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinLock& lock_;
};

template <class T, Rank rank>
class Guarded {
 public:
  template <class... Args>
  constexpr explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  template <class Body>
  decltype(auto) with(Body body) {
    SpinGuard guard(lock_);
    return body(value_);
  }

  class Locked {
   public:
    explicit Locked(Guarded& guarded) : guard_(guarded.lock_), value_(guarded.value_) {}
    T* operator->() const { return &value_; }
    T& operator*() const { return value_; }

   private:
    SpinGuard guard_;
    T& value_;
  };
  [[nodiscard]] Locked lock() { return Locked(*this); }

 private:
  SpinLock lock_{rank};
  T value_;
};

}  // namespace cv6
