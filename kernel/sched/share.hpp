// Level 1: how containers divide the processors.
//
// A ShareGroup is what competes for one container's share: the container's own threads together (one Share), and each
// container right below it (one Share each). The root group is the host's. A Share's virtual time is the processor time that
// has been used on its behalf, by real time / weight: on all processors together, by its own threads and by everything
// below. Whoever of a group is furthest behind gets the next processor; so in the long run all are equally far, which
// means: time in proportion to the weights.
//
// A Share is active while it has a thread that wants a processor or has one. One that was not, or could not use all that it
// was due, has not saved that up for later: it comes back at most one slice behind the others, enough to run at once.
//
// The group's tree knows which processors its shares have threads for (cpu_search.hpp), so every step is O(log n) in
// containers. What it knows is never too little but may be too much: a share whose queue has become empty stays where it is
// until a search finds nothing there. For most are filled again before that, and so threads that wake each other in turn
// leave the trees alone.
//
// All under the scheduler's lock.
#pragma once

#include "lib/units.hpp"
#include "sched/cpu_search.hpp"

namespace cv6 {

class SchedContext;
class ShareGroup;

struct Share {
  static constexpr std::uint32_t default_weight = 100, most_weight = 10'000;

  Share(SchedContext* whose, ShareGroup* contents) : context(whose), inside(contents) {}
  void set_weight(std::uint32_t to) {
    weight = to;
    virtual_per_nanosecond = (std::uint64_t{default_weight} << 32) / to;
  }
  std::uint64_t virtual_of(Nanoseconds time) const {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(static_cast<std::uint64_t>(time)) * virtual_per_nanosecond >> 32);
  }

  ShareGroup* group = nullptr;     // where it competes
  SchedContext* context;
  ShareGroup* inside;              // who divide it further; null: the threads of `context`
  unsigned active = 0;             // threads, or shares inside, that are
  std::uint64_t virtual_time = 0;  // nanoseconds at the default weight
  arch::CpuSet cpus = 0;           // that it may have something queued for; in the tree unless 0
  arch::CpuSet cpus_below = 0;     // the tree's
  std::uint32_t weight = default_weight;
  std::uint64_t virtual_per_nanosecond = std::uint64_t{1} << 32;  // 32.32 fixed point
  TreeNode node;
};

inline arch::CpuSet cpus_of(const Share& share) { return share.cpus; }

class ShareGroup {
 public:
  constexpr ShareGroup(SchedContext* owner, unsigned depth) : owner_(owner), depth_(depth) {}
  SchedContext* owner() const { return owner_; }  // null: the root
  unsigned depth() const { return depth_; }       // the root: 0
  arch::CpuSet cpus() const { return cpus_of_all(ready_); }

  // It may have something queued for these processors now, and for no others.
  [[gnu::noinline, clang::preserve_most]] void set_cpus(Share& share, arch::CpuSet cpus) {
    share.cpus = cpus;
    if (!cpus)
      ready_.remove(share);
    else if (share.node.linked())
      ready_.refresh(share);
    else
      ready_.insert(share);
  }

  // It is active from now on.
  void come_back(Share& share) {
    const std::uint64_t credit = share.virtual_of(longest_credit);
    if (share.virtual_time + credit < floor_) set_virtual_time(share, floor_ - credit);
  }

  // `time` was used on the share's behalf.
  void charge(Share& share, Nanoseconds time) {
    const std::uint64_t later = share.virtual_time + share.virtual_of(time);
    const Share* next = share.node.linked() ? ready_.next(share) : nullptr;
    if (!next || later < next->virtual_time)
      share.virtual_time = later;  // it keeps its place
    else
      set_virtual_time(share, later);
  }

  // Whose turn it is on one of `cpus`, if it has something queued for them; null: nobody has.
  Share* choose(arch::CpuSet cpus) {
    Share* first = first_for(ready_, cpus);
    if (first && first->virtual_time > floor_) floor_ = first->virtual_time;  // if it has not, the next comes no sooner
    return first;
  }

  // For one that is new here: as far as the others.
  std::uint64_t floor() const { return floor_; }

 private:
  static constexpr Nanoseconds longest_credit = 10 * nanoseconds_per_millisecond;  // one slice
  struct ByVirtualTime {
    std::uint64_t operator()(const Share& share) const { return share.virtual_time; }
  };
  [[gnu::noinline, clang::preserve_most]] void set_virtual_time(Share& share, std::uint64_t virtual_time) {
    const bool ready = share.node.linked();
    if (ready) ready_.remove(share);
    share.virtual_time = virtual_time;
    if (ready) ready_.insert(share);
  }

  SchedContext* owner_;
  unsigned depth_;
  Tree<Share, &Share::node, ByVirtualTime, CpusBelow> ready_;
  std::uint64_t floor_ = 0;  // the virtual time that those in the tree have reached, but for their credit
};

}  // namespace cv6
