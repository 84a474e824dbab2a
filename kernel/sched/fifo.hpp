// First in, first out: who came first runs until it waits for something, yields or ends; the ends of slices change nothing.
// Good for batches, where switching only costs. A thread that never waits keeps all that came after it from running, but
// only in its own container. On n processors the first n of the queue run.
#pragma once

#include "sched/policy.hpp"
#include "sched/thread_queue.hpp"

namespace cv6 {

class Fifo final : public Policy {
 public:
  void enqueue(Thread& thread, Why why) override {
    if (why == Why::preempted || why == Why::slice_over || why == Why::changed)
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
