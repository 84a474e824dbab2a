// How often the processes of a container have made each call of the xv6 ABI since they switched counting on: what its programs
// ask for themselves. (What whoever manages the container wants to know is in its CallLog.)
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

#include "lib/result.hpp"

namespace cv6 {

class CallTally {
 public:
  static constexpr unsigned calls = 64;

  CallTally() = default;
  CallTally(const CallTally&) = delete;
  CallTally& operator=(const CallTally&) = delete;
  ~CallTally() { delete counts_.load(std::memory_order_relaxed); }

  bool on() const { return on_.load(std::memory_order_acquire); }
  // On: from zero; Error::nomem, there is no memory for the counters.
  Result<void> toggle() {
    if (on_.exchange(false, std::memory_order_relaxed)) return {};
    Counts* counts = counts_.load(std::memory_order_acquire);
    if (!counts) {
      std::unique_ptr<Counts> fresh(new (std::nothrow) Counts{});
      if (!fresh) return Error::nomem;
      // Somebody else's, if they came first.
      if (counts_.compare_exchange_strong(counts, fresh.get(), std::memory_order_acq_rel)) counts = fresh.release();
    }
    for (auto& count : *counts) count.store(0, std::memory_order_relaxed);
    on_.store(true, std::memory_order_release);
    return {};
  }
  // While it is on, or was a moment ago.
  void add(unsigned call) { (*counts_.load(std::memory_order_acquire))[call].fetch_add(1, std::memory_order_relaxed); }
  std::uint32_t count(unsigned call) const {
    const Counts* counts = counts_.load(std::memory_order_acquire);
    return counts ? (*counts)[call].load(std::memory_order_relaxed) : 0;
  }

 private:
  using Counts = std::array<std::atomic<std::uint32_t>, calls>;
  std::atomic<bool> on_{false};
  std::atomic<Counts*> counts_{nullptr};  // made when counting is switched on first; they stay
};

}  // namespace cv6
