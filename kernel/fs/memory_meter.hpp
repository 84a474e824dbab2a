// Charges small things (inodes, names) to a container's memory: a page for every page full of them.
#pragma once

#include <atomic>

#include "lib/units.hpp"
#include "mm/guest_memory.hpp"

namespace cv6 {

class MemoryMeter {
 public:
  explicit MemoryMeter(Ref<GuestMemory> owner) : owner_(std::move(owner)) {}
  ~MemoryMeter() { owner_->uncharge(pages_for(bytes_.load(std::memory_order_relaxed))); }

  // Error::nospc.
  Result<void> charge(std::size_t bytes) {
    const std::uint64_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    const std::uint64_t pages = pages_for(before + bytes) - pages_for(before);
    if (pages == 0 || owner_->charge(pages)) return {};
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return Error::nospc;
  }
  void uncharge(std::size_t bytes) {
    const std::uint64_t before = bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    const std::uint64_t pages = pages_for(before) - pages_for(before - bytes);
    if (pages) owner_->uncharge(pages);
  }
  const Ref<GuestMemory>& owner() const { return owner_; }

 private:
  Ref<GuestMemory> owner_;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace cv6
