// What policies keep their threads in.
//
// ThreadTree: by `order`, the lowest first, in O(log n). ThreadQueue: first come, first served, in O(1) for threads that
// may run everywhere (nearly all do); in a tree beside are those bound to some processors (sched_setaffinity(2)), and those
// put back between others.
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
      beside_.insert(thread);
  }
  // Where it was before it was taken: by its number. That is nearly always the front or, when its container goes on after a
  // stop, the end. Where it is neither, the tree finds the place: looking for it in the list would take the longer the more
  // there are, with the scheduler's lock held.
  void put_back(Thread& thread) {
    if (thread.affinity() != all_cpus) return beside_.insert(thread);
    if (anywhere_.empty() || anywhere_.front()->order > thread.order) return anywhere_.push_front(thread);
    if (anywhere_.back()->order <= thread.order) return anywhere_.push_back(thread);
    beside_.insert(thread);
  }
  void remove(Thread& thread) {
    if (thread.queue_node.linked())
      anywhere_.remove(thread);
    else
      beside_.remove(thread);
  }
  Thread* take(arch::CpuSet cpus) { return beside_.empty() ? anywhere_.pop_front() : take_first_of_both(cpus); }
  arch::CpuSet cpus() const { return anywhere_.empty() ? cpus_of_all(beside_) : all_cpus; }

 private:
  [[gnu::noinline]] Thread* take_first_of_both(arch::CpuSet cpus) {
    Thread* first = anywhere_.front();
    Thread* bound = first_for(beside_, cpus);
    if (!bound || (first && first->order < bound->order)) return anywhere_.pop_front();
    beside_.remove(*bound);
    return bound;
  }

  List<Thread, &Thread::queue_node> anywhere_;
  ThreadTree beside_;
  std::uint64_t last_ = 0;
};

}  // namespace cv6
