// What policies keep their threads in.
//
// ThreadTree: by `order`, the lowest first, in O(log n). ThreadQueue: first come, first served, in O(1) for threads that
// may run everywhere (nearly all do); those bound to some processors (sched_setaffinity(2)) are kept in a tree beside.
#pragma once

#include "sched/cpu_search.hpp"
#include "sched/thread.hpp"

namespace cv6 {

inline arch::CpuSet cpus_of(const Thread& thread) { return thread.affinity(); }

struct ByOrder {
  std::uint64_t operator()(const Thread& thread) const { return thread.order; }
};
using ThreadTree = Tree<Thread, &Thread::queue_tree_node, ByOrder, CpusBelow>;

class ThreadQueue {
 public:
  // To the end: `order` becomes its number in the order of arrival.
  void push_back(Thread& thread) {
    thread.order = ++last_;
    if (thread.affinity() == all_cpus)
      anywhere_.push_back(thread);
    else
      bound_.insert(thread);
  }
  // Where it was before it was taken: by its number. That is the front, but for those that were taken at the same time;
  // or, when its container goes on after a stop, behind those that were stopped before it.
  void put_back(Thread& thread) {
    if (thread.affinity() != all_cpus) return bound_.insert(thread);
    Thread* after = anywhere_.front();
    if (!after || after->order > thread.order) return anywhere_.push_front(thread);
    after = nullptr;
    for (Thread* last = anywhere_.back(); last->order > thread.order; last = anywhere_.previous(*last)) after = last;
    if (after)
      anywhere_.insert_before(*after, thread);
    else
      anywhere_.push_back(thread);
  }
  void remove(Thread& thread) {
    if (thread.queue_node.linked())
      anywhere_.remove(thread);
    else
      bound_.remove(thread);
  }
  Thread* take(arch::CpuSet cpus) { return bound_.empty() ? anywhere_.pop_front() : take_first_of_both(cpus); }
  arch::CpuSet cpus() const { return anywhere_.empty() ? cpus_of_all(bound_) : all_cpus; }

 private:
  [[gnu::noinline]] Thread* take_first_of_both(arch::CpuSet cpus) {
    Thread* first = anywhere_.front();
    Thread* bound = first_for(bound_, cpus);
    if (!bound || (first && first->order < bound->order)) return anywhere_.pop_front();
    bound_.remove(*bound);
    return bound;
  }

  List<Thread, &Thread::queue_node> anywhere_;
  ThreadTree bound_;
  std::uint64_t last_ = 0;
};

}  // namespace cv6
