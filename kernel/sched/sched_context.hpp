// Who pays for processor time: one for each container, the host's included. It has the container's virtual scheduler
// (policy and queue), its share among its siblings, its quota, and what has been counted.
//
// What is in it belongs to the scheduler's lock; the functions here take it. They may be called from anywhere where no lock
// of a greater rank is held, and do not block.
//
// Stopped: a context that is frozen, or has used up its quota, does not run, and neither does anything below it. Threads
// are stopped on their way to user mode only, where they hold nothing that others wait for; so a thread that is in the
// kernel comes out of it first. A stopped thread that is interrupted (a signal) runs up to the same point again, and ends
// if the signal is deadly.
#pragma once

#include <atomic>
#include <string_view>

#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "sched/decision_log.hpp"
#include "sched/policy.hpp"
#include "sched/share.hpp"
#include "sched/thread.hpp"

namespace cv6 {

// So much processor time per period, on all processors together, with what is below. What was used too much (the end of a
// quota is noticed a moment late) is taken off the next period's; what was not used is gone.
struct Quota {
  Nanoseconds time = never;  // per period; never: no limit
  Nanoseconds period = 100 * nanoseconds_per_millisecond;

  static constexpr Nanoseconds least_time = nanoseconds_per_millisecond;
  static constexpr Nanoseconds least_period = nanoseconds_per_millisecond, longest_period = nanoseconds_per_second;
  bool limited() const { return time != never; }
  bool valid() const { return time >= least_time && period >= least_period && period <= longest_period; }
};

struct SchedSettings {
  std::string_view policy = {};                  // empty: the default
  std::uint64_t seed = 0;                        // for policies that draw lots; 0: one by chance
  std::uint32_t weight = Share::default_weight;  // 1 .. Share::most_weight, among its siblings
  Quota quota = {};
};

struct SchedStatistics {
  std::string_view policy;
  std::uint64_t seed = 0;
  std::uint32_t weight = 0;
  Quota quota;
  bool frozen = false, throttled = false;
  unsigned running = 0, queued = 0, stopped = 0;  // its own threads now: on a processor, in the queue, stopped
  Nanoseconds cpu_time = 0;       // its own threads'
  Nanoseconds total_cpu_time = 0;  // with everything below (the host's: without)
  std::uint64_t decisions = 0;
  std::uint64_t throttled_count = 0;
  Nanoseconds throttled_time = 0;
  bool logging = false;
  std::uint64_t lost_decisions = 0;  // of the log that is on
};

class SchedContext {
 public:
  // Below `parent`, which outlives it; null: one that competes as the host does, and has no weight or quota of its own.
  // Error::nomem; Error::inval: settings that there are not.
  static Result<Own<SchedContext>> create(SchedContext* parent = nullptr, const SchedSettings& settings = {});
  ~SchedContext();  // it has no threads any more

  Nanoseconds cpu_time() const { return cpu_time_.load(std::memory_order_relaxed); }
  SchedStatistics statistics() const;

  // Changes while it runs. Error::inval: there is no such value; then nothing has changed.
  Result<void> set_weight(std::uint32_t weight);
  Result<void> set_quota(Quota quota);
  // Its threads come into the new policy's queue in the order in which they would have run. Error::nomem as well.
  Result<void> set_policy(std::string_view name, std::uint64_t seed = 0);
  // It comes to a stop within the time that an interrupt takes; again and again is the same as once.
  void freeze();
  void thaw();
  bool frozen() const { return (stopped_by_.load(std::memory_order_relaxed) & by_freeze) != 0; }

  // The scheduler log (decision_log.hpp). Threads that are chosen while it is on find Thread::decision_was_logged().
  Result<void> start_log();  // Error::nomem
  void stop_log();
  bool logging() const { return logging_.load(std::memory_order_relaxed); }
  // The oldest decision that nobody has taken yet. False: none.
  bool take_decision(Decision& decision);

 private:
  friend class RunQueues;
  friend class Scheduler;
  enum StopReason : std::uint8_t { by_freeze = 1, by_quota = 2 };

  SchedContext(SchedContext* parent, Own<Policy> policy);

  Own<Policy> policy_;
  const PolicyKind* policy_kind_ = nullptr;
  std::uint64_t seed_ = 0;
  Own<DecisionLog> log_;
  std::atomic<bool> logging_{false};

  ShareGroup group_;      // its own threads and its children
  Share threads_, share_;  // in group_ (the host's: in the root group), and in its parent's
  unsigned running_ = 0, stopped_count_ = 0;  // of its own threads, now

  Quota quota_;
  Nanoseconds budget_ = 0;      // what is left of the quota in this period; negative: used too much
  Nanoseconds period_end_ = 0;  // when it is filled up again
  std::atomic<std::uint8_t> stopped_by_{0};
  List<Thread, &Thread::queue_node> stopped_threads_;  // stopped on its account: its own, and those of contexts below
  TreeNode refill_node_;        // among those that wait for the end of their period

  std::atomic<Nanoseconds> cpu_time_{0};
  Nanoseconds total_time_ = 0;
  std::uint64_t decisions_ = 0;
  std::uint64_t throttled_count_ = 0;
  Nanoseconds throttled_time_ = 0, throttled_since_ = 0;
};

}  // namespace cv6
