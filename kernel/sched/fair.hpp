// Fair shares: threads divide their container's time in proportion to the weights of their nice values, whatever they do
// with it. Each thread has a virtual time, in `order`: its processor time, which passes the slower the greater its weight.
// The thread that is furthest behind runs next, so all virtual times stay together, and that is the same as: all have had
// their share.
//
// Who waited has not saved up its share: it comes back at most one slice behind the others, which lets it run soon.
#pragma once

#include "arch/clock.hpp"
#include "sched/policy.hpp"
#include "sched/scheduler.hpp"
#include "sched/thread_queue.hpp"

namespace cv6 {

class Fair final : public Policy {
 public:
  Fair() : Policy(Preemption::by_preempts) {}
  void enqueue(Thread& thread, Why why) override {
    if (why == Why::started)
      thread.order = floor_;
    else
      thread.order += virtual_time(thread, thread.charged_time() - thread.counted);
    thread.counted = thread.charged_time();
    if (thread.order + sched::slice < floor_) thread.order = floor_ - sched::slice;
    queue_.insert(thread);
  }
  void remove(Thread& thread) override { queue_.remove(thread); }
  Thread* take(arch::CpuSet cpus) override {
    Thread* first = first_for(queue_, cpus);
    if (!first) return nullptr;
    queue_.remove(*first);
    if (first->order > floor_) floor_ = first->order;
    return first;
  }
  arch::CpuSet cpus() const override { return cpus_of_all(queue_); }
  bool preempts(const Thread& woken, const Thread& running) const override {
    return woken.order + margin < running.order + virtual_time(running, running.cpu_time() - running.counted);
  }

 private:
  static constexpr std::uint64_t margin = nanoseconds_per_millisecond;  // less is not worth a switch
  static std::uint64_t virtual_time(const Thread& thread, Nanoseconds time) {
    return static_cast<std::uint64_t>(time) * weight_of_nice(0) / weight_of_nice(thread.nice());
  }

  ThreadTree queue_;
  std::uint64_t floor_ = 0;  // virtual time that all in the queue have reached, but for a slice
};

}  // namespace cv6
