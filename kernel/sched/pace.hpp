// Giving way in a long walk, where no spin lock is held: after so many steps others get their turns.
//
//   sched::Pace pace(256);  for (Entry& entry : entries) { free(entry); pace.step(); }
#pragma once

#include "sched/scheduler.hpp"

namespace cv6::sched {

class Pace {
 public:
  static constexpr unsigned usual = 256;  // of steps of some hundred instructions
  explicit constexpr Pace(unsigned steps = usual) : steps_(steps), left_(steps) {}
  void step() {
    if (--left_ != 0) [[likely]] return;
    left_ = steps_;
    maybe_yield();
  }
  // As sched::may_go_on(), before each step of a long transfer.
  [[nodiscard]] bool may_go_on() {
    if (--left_ != 0) [[likely]] return true;
    left_ = steps_;
    return sched::may_go_on();
  }

 private:
  const unsigned steps_;
  unsigned left_;
};

}  // namespace cv6::sched
