// How much of something a container and all below it use, and how much they may: counters that hang in a tree as the
// containers do. What is charged at one is charged at every one above it; each may have a limit. A charge that would go
// over one of them is refused, counted there, and changes nothing.
#pragma once

#include <atomic>
#include <cstdint>

namespace cv6 {

struct ResourceCounts {
  std::uint64_t current = 0;
  std::uint64_t peak = 0;      // ever
  std::uint64_t limit = 0;     // ResourceCounter::unlimited: none
  std::uint64_t refusals = 0;  // charges that failed at this level
};

class ResourceCounter {
 public:
  static constexpr std::uint64_t unlimited = UINT64_MAX;

  // The root of a tree, which counts and has no limit; or one below another, which outlives it.
  constexpr ResourceCounter() = default;
  void hang_below(ResourceCounter& parent) { parent_ = &parent; }  // before anything is charged

  // For this one and those above it, up to `below` (without it; null: up to the root). False: a limit is in the way.
  bool charge(std::uint64_t amount, const ResourceCounter* below = nullptr) {
    for (ResourceCounter* at = this; at != below; at = at->parent_) {
      const std::uint64_t now = at->current_.fetch_add(amount, std::memory_order_relaxed) + amount;
      if (now > at->limit_.load(std::memory_order_relaxed)) [[unlikely]] {
        at->refusals_.fetch_add(1, std::memory_order_relaxed);
        uncharge(amount, at->parent_);
        return false;
      }
    }
    for (ResourceCounter* at = this; at != below; at = at->parent_) at->note_peak();
    return true;
  }
  void uncharge(std::uint64_t amount, const ResourceCounter* below = nullptr) {
    for (ResourceCounter* at = this; at != below; at = at->parent_) at->current_.fetch_sub(amount, std::memory_order_relaxed);
  }

  // What is over a new limit stays; there comes nothing more.
  void set_limit(std::uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }
  ResourceCounts counts() const {
    return {current_.load(std::memory_order_relaxed), peak_.load(std::memory_order_relaxed),
            limit_.load(std::memory_order_relaxed), refusals_.load(std::memory_order_relaxed)};
  }

 private:
  // Two processors may both set it: the greater one must win.
  void note_peak() {
    const std::uint64_t now = current_.load(std::memory_order_relaxed);
    std::uint64_t peak = peak_.load(std::memory_order_relaxed);
    while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
    }
  }

  ResourceCounter* parent_ = nullptr;
  std::atomic<std::uint64_t> current_{0}, peak_{0}, limit_{unlimited}, refusals_{0};
};

}  // namespace cv6
