// The default policy of a container: each of its threads in turn, a slice each. One that wakes up goes to the end.
#pragma once

#include "sched/scheduler.hpp"

namespace cv6 {

class RoundRobin final : public Policy {
 public:
  std::string_view name() const override { return "round-robin"; }
  void enqueue(Thread& thread, Why) override { queue_.push_back(thread); }
  void remove(Thread& thread) override { queue_.remove(thread); }
  Thread* take(unsigned cpu) override {
    for (Thread& thread : queue_)
      if (thread.affinity() & arch::cpu_bit(cpu)) {
        queue_.remove(thread);
        return &thread;
      }
    return nullptr;
  }
  bool empty() const override { return queue_.empty(); }

 private:
  List<Thread, &Thread::queue_node> queue_;
};

}  // namespace cv6
