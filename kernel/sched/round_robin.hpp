// Round robin, the default: each thread in turn, a slice each. One that wakes up goes to the end; one that lost the
// processor in the middle of its slice is the next again, for the rest of it. Everybody gets the same share of the
// processor, and with n threads nobody waits longer than n - 1 slices.
#pragma once

#include "sched/policy.hpp"
#include "sched/thread_queue.hpp"

namespace cv6 {

class RoundRobin final : public Policy {
 public:
  void enqueue(Thread& thread, Why why) override {
    if (why == Why::preempted || why == Why::changed)
      queue_.put_back(thread);
    else
      queue_.push_back(thread);
  }
  void remove(Thread& thread) override { queue_.remove(thread); }
  Thread* take(arch::CpuSet cpus) override { return queue_.take(cpus); }
  arch::CpuSet cpus() const override { return queue_.cpus(); }

 private:
  ThreadQueue queue_;
};

}  // namespace cv6
