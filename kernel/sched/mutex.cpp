#include "sched/mutex.hpp"

namespace cv6 {

[[gnu::noinline]] bool Mutex::wait_to_lock(Wait wait) {
  // Who had to wait leaves the mutex marked as waited for, with or without it: others may still be waiting.
  return waiting_.wait([&] { return state_.exchange(2, std::memory_order_acquire) == 0; }, wait).has_value();
}

bool ReadWriteMutex::try_lock() NO_THREAD_SAFETY_ANALYSIS {
  std::int32_t free = 0;
  return state_.compare_exchange_strong(free, -1, std::memory_order_acquire);
}

bool ReadWriteMutex::try_lock_shared() NO_THREAD_SAFETY_ANALYSIS {
  std::int32_t readers = state_.load(std::memory_order_relaxed);
  while (readers >= 0 && writers_waiting_.load(std::memory_order_relaxed) == 0)
    if (state_.compare_exchange_weak(readers, readers + 1, std::memory_order_acquire)) return true;
  return false;
}

void ReadWriteMutex::lock() NO_THREAD_SAFETY_ANALYSIS {
  assert_no_spin_lock_held();
  sched::give_way_by_chance();
  if (try_lock()) return;
  writers_waiting_.fetch_add(1, std::memory_order_relaxed);
  (void)waiting_.wait([&] { return try_lock(); }, Wait::uninterruptible);
  writers_waiting_.fetch_sub(1, std::memory_order_relaxed);
}

void ReadWriteMutex::unlock() NO_THREAD_SAFETY_ANALYSIS {
  state_.store(0, std::memory_order_release);
  waiting_.wake_all();
}

void ReadWriteMutex::lock_shared() NO_THREAD_SAFETY_ANALYSIS {
  assert_no_spin_lock_held();
  sched::give_way_by_chance();
  if (try_lock_shared()) return;
  (void)waiting_.wait([&] { return try_lock_shared(); }, Wait::uninterruptible);
}

void ReadWriteMutex::unlock_shared() NO_THREAD_SAFETY_ANALYSIS {
  if (state_.fetch_sub(1, std::memory_order_release) == 1) waiting_.wake_all();
}

}  // namespace cv6
