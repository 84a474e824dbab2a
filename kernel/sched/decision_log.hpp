// What a container's virtual scheduler decided, while its log is on: a small ring that is filled under the scheduler's lock
// and read by the threads concerned on their way to user mode, where they may block and print. Full: the oldest are lost,
// and counted.
#pragma once

#include <cstdint>

#include "lib/units.hpp"

namespace cv6 {

struct Decision {
  Nanoseconds time = 0;
  int process = 0;   // Thread::number_for_log
  unsigned cpu = 0;
};

class DecisionLog {
 public:
  static constexpr unsigned capacity = 128;

  void add(const Decision& decision) {
    ring_[added_ % capacity] = decision;
    ++added_;
    if (added_ - taken_ > capacity) {
      ++taken_;
      ++lost_;
    }
  }
  // False: there is none.
  bool take(Decision& decision) {
    if (taken_ == added_) return false;
    decision = ring_[taken_++ % capacity];
    return true;
  }
  std::uint64_t lost() const { return lost_; }

 private:
  Decision ring_[capacity];
  std::uint64_t added_ = 0, taken_ = 0, lost_ = 0;
};

}  // namespace cv6
