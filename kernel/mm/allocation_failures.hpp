// Makes allocations fail on purpose, so that tests can see every path that handles it. In the debug build and on the host; the
// release build has none of it.
//
// What fails is a matter of the thread that allocates: each has a plan, which the processor that runs it knows, as it knows
// who pays (payer.hpp). The kernel's own threads have none: theirs never fail. A program sets its own by /proc/PID/fail-nth and
// /proc/PID/make-it-fail (task/proc/failure_files.cpp).
#pragma once

#include <atomic>
#include <cstdint>

namespace cv6::allocation_failures {

#ifdef CV6_DEBUG

// Another thread may set it at any moment; only the thread itself asks.
class Plan {
 public:
  // As random as that of the thread that makes it, which is whom a new thread is started by.
  Plan();

  // The n-th allocation from now on (1: the next) fails, once; 0: none will.
  void fail_nth(std::uint64_t n) { remaining_.store(n, std::memory_order_relaxed); }
  // How many allocations it will be until then; 0: it has happened, or was not asked for.
  std::uint64_t remaining() const { return remaining_.load(std::memory_order_relaxed); }

  // Of about `n` allocations one fails, by chance, also in threads and processes that are started from now on; 0: none.
  void fail_one_in(std::uint32_t n) { one_in_.store(n, std::memory_order_relaxed); }
  std::uint32_t one_in() const { return one_in_.load(std::memory_order_relaxed); }

  bool should_fail();

 private:
  std::uint32_t random();

  std::atomic<std::uint64_t> remaining_{0};
  std::atomic<std::uint32_t> one_in_{0};
  std::uint32_t state_ = 1;
};

// The plan of who runs on this processor from now on; null: nothing fails. It stays until another one is set.
void set(Plan* plan);

// Asked by each allocator, once for each allocation.
bool should_fail();

#ifdef CV6_HOST
// For unit tests: the n-th allocation from now on, whoever makes it; whether it has failed.
void fail_nth(std::uint64_t n);
bool happened();
#endif

#else

struct Plan {};
inline void set(Plan*) {}
constexpr bool should_fail() { return false; }

#endif

}  // namespace cv6::allocation_failures
