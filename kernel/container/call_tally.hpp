// How often the processes of a container have made each call of the xv6 ABI since they switched counting on: what its programs
// ask for themselves. (What whoever manages the container wants to know is in its CallLog.)
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace cv6 {

class CallTally {
 public:
  static constexpr unsigned calls = 64;

  bool on() const { return on_.load(std::memory_order_relaxed); }
  // On: from zero.
  void toggle() {
    if (on_.exchange(false, std::memory_order_relaxed)) return;
    for (auto& count : counts_) count.store(0, std::memory_order_relaxed);
    on_.store(true, std::memory_order_relaxed);
  }
  void add(unsigned call) { counts_[call].fetch_add(1, std::memory_order_relaxed); }
  std::uint32_t count(unsigned call) const { return counts_[call].load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> on_{false};
  std::array<std::atomic<std::uint32_t>, calls> counts_{};
};

}  // namespace cv6
