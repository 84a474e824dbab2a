// How much of the kernel's log a container's programs may bring about: a few lines each second, so that they neither flood
// what others look for there nor, all having one share, keep another container's lines out.
#pragma once

#include "arch/clock.hpp"
#include "lib/units.hpp"

namespace cv6 {

class LogShare {
 public:
  // One line more. False: there have been enough in this second.
  bool take() {
    const Nanoseconds now = arch::monotonic_now();
    if (now - begun_ > nanoseconds_per_second) {
      begun_ = now;
      count_ = 0;
    }
    return ++count_ <= lines;
  }

 private:
  static constexpr unsigned lines = 10;
  Nanoseconds begun_ = 0;
  unsigned count_ = 0;
};

}  // namespace cv6
