// Sleeping locks, for what may be held across blocking: a file's contents being changed, an address space's mappings.
// Uncontended, each operation is one atomic instruction. Taken before any spin lock; among each other in this order:
// mount table, directory (parent before child; of two unrelated, the lower address first), file, address space.
#pragma once

#include <atomic>

#include "sched/scheduler.hpp"

namespace cv6 {

class CV6_CAPABILITY("mutex") Mutex {
 public:
  constexpr Mutex() = default;
  void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    assert_no_spin_lock_held();
    sched::give_way_by_chance();
    if (!try_lock()) [[unlikely]] (void)wait_to_lock(Wait::uninterruptible);
  }
  // For what is held while somebody else is waited for. False: the thread was interrupted, and has not got it.
  [[nodiscard]] bool lock_interruptibly() __attribute__((try_acquire_capability(true))) NO_THREAD_SAFETY_ANALYSIS {
    assert_no_spin_lock_held();
    sched::give_way_by_chance();
    return try_lock() || wait_to_lock(Wait::interruptible);
  }
  bool try_lock() __attribute__((try_acquire_capability(true))) NO_THREAD_SAFETY_ANALYSIS {
    std::uint32_t free = 0;
    return state_.compare_exchange_strong(free, 1, std::memory_order_acquire);
  }
  void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    if (state_.exchange(0, std::memory_order_release) == 2) [[unlikely]] waiting_.wake_one();
  }

 private:
  bool wait_to_lock(Wait wait);

  std::atomic<std::uint32_t> state_{0};  // 0 free, 1 held, 2 held and somebody waits
  WaitQueue waiting_;
};

class SCOPED_CAPABILITY MutexGuard {
 public:
  explicit MutexGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexGuard() RELEASE() { mutex_.unlock(); }
  MutexGuard(const MutexGuard&) = delete;
  MutexGuard& operator=(const MutexGuard&) = delete;

 private:
  Mutex& mutex_;
};

// Many readers or one writer. A waiting writer keeps new readers out, so it is not starved.
class CV6_CAPABILITY("read-write mutex") ReadWriteMutex {
 public:
  constexpr ReadWriteMutex() = default;
  void lock() ACQUIRE();
  void unlock() RELEASE();
  bool try_lock() __attribute__((try_acquire_capability(true)));
  bool try_lock_shared() __attribute__((try_acquire_shared_capability(true)));
  void lock_shared() __attribute__((acquire_shared_capability()));
  void unlock_shared() __attribute__((release_shared_capability()));

 private:
  std::atomic<std::int32_t> state_{0};  // -1: a writer; n > 0: n readers
  std::atomic<std::uint32_t> writers_waiting_{0};
  WaitQueue waiting_;
};

class SCOPED_CAPABILITY WriteGuard {
 public:
  explicit WriteGuard(ReadWriteMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriteGuard() RELEASE() { mutex_.unlock(); }
  WriteGuard(const WriteGuard&) = delete;
  WriteGuard& operator=(const WriteGuard&) = delete;

 private:
  ReadWriteMutex& mutex_;
};

class SCOPED_CAPABILITY ReadGuard {
 public:
  explicit ReadGuard(ReadWriteMutex& mutex) __attribute__((acquire_shared_capability(mutex))) : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~ReadGuard() RELEASE() { mutex_.unlock_shared(); }
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;

 private:
  ReadWriteMutex& mutex_;
};

}  // namespace cv6
