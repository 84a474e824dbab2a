// What a container's programs say that they have allocated (memory_gva): a running offset, and whether each record is
// printed.
#pragma once

#include <atomic>
#include <cstdint>

namespace cv6 {

class AllocationRecord {
 public:
  enum class Log : std::uint8_t { off, on };

  // False: it was so already.
  bool set_log(Log log) { return log_.exchange(log, std::memory_order_relaxed) != log; }
  Log log() const { return log_.load(std::memory_order_relaxed); }

  // Where the allocation begins: at 0 the first one, each after the one before.
  std::uint64_t add(std::uint32_t size) { return offset_.fetch_add(size, std::memory_order_relaxed); }

 private:
  std::atomic<Log> log_{Log::off};
  std::atomic<std::uint64_t> offset_{0};
};

}  // namespace cv6
