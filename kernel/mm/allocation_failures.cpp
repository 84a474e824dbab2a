#include "mm/allocation_failures.hpp"

#ifdef CV6_DEBUG
#include <atomic>

namespace cv6::allocation_failures {

namespace {
constinit std::atomic<std::uint64_t> remaining{0};
constinit std::atomic<bool> failed{false};
}  // namespace

void fail_nth(std::uint64_t n) {
  failed.store(false, std::memory_order_relaxed);
  remaining.store(n, std::memory_order_relaxed);
}

bool happened() { return failed.load(std::memory_order_relaxed); }

bool should_fail() {
  if (remaining.load(std::memory_order_relaxed) == 0) return false;
  if (remaining.fetch_sub(1, std::memory_order_relaxed) != 1) return false;
  failed.store(true, std::memory_order_relaxed);
  return true;
}

}  // namespace cv6::allocation_failures
#endif
