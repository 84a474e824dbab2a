// Strict priorities: of all that can run, the one with the best (lowest) nice value does; among equals each in turn, a
// slice each. One that wakes up takes the processor from a worse one at once. The worse ones run only when no better one
// can: a busy thread of a good priority starves them, which is what is asked for by who chooses this policy.
//
// `order` is the nice value in the upper bits and the number in the order of arrival below.
#pragma once

#include "sched/policy.hpp"
#include "sched/thread_queue.hpp"

namespace cv6 {

class Priority final : public Policy {
 public:
  Priority() : Policy(Preemption::by_preempts) {}
  void enqueue(Thread& thread, Why why) override {
    const bool keeps_place = why == Why::preempted || why == Why::changed;
    const std::uint64_t number = keeps_place ? thread.order % (1ull << number_bits) : ++last_;
    thread.order = static_cast<std::uint64_t>(thread.nice() + 20) << number_bits | number;
    queue_.insert(thread);
  }
  void remove(Thread& thread) override { queue_.remove(thread); }
  Thread* take(arch::CpuSet cpus) override {
    Thread* best = first_for(queue_, cpus);
    if (best) queue_.remove(*best);
    return best;
  }
  arch::CpuSet cpus() const override { return cpus_of_all(queue_); }
  bool preempts(const Thread& woken, const Thread& running) const override { return woken.nice() < running.nice(); }

 private:
  static constexpr unsigned number_bits = 56;
  ThreadTree queue_;
  std::uint64_t last_ = 0;
};

}  // namespace cv6
