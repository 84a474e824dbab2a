// The two-level scheduler.
//
// Level 1 chooses a container: each SchedContext has a virtual time, which advances while any of its threads runs, on any
// processor, by real time / weight; the one with the smallest gets the next free processor. So a container's share is
// counted once, however many processes it has and wherever they run. Level 2 chooses within it: the container's Policy
// has one queue for all processors, so its order means the same on 1 and on 8.
//
// One lock covers both levels; critical sections are a few dozen instructions. It is held across the switch from one
// thread to the next and released on the other side, so nobody runs a thread whose stack is still in use. A processor with
// nothing to run sleeps, without ticks, and is woken by the wake() that finds it something. While one runs something, its
// one-shot timer is set to the end of the slice.
//
// The kernel is not preempted: a thread gives the processor up where it parks, in maybe_yield(), or on its way back to
// user mode when its slice is over.
#pragma once

#include "lib/ref.hpp"
#include "lib/tree.hpp"
#include "sched/thread.hpp"
#include "sched/wait_queue.hpp"

namespace cv6 {

// Level 2: which thread of a container runs next. One queue per container. Called with the scheduler's lock held.
class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  enum class Why : std::uint8_t { woken, slice_over, yielded };
  virtual void enqueue(Thread& thread, Why why) = 0;
  virtual void remove(Thread& thread) = 0;                  // it is in the queue
  virtual Thread* take(unsigned cpu) = 0;                   // out of the queue; null: none that may run on this cpu
  virtual bool empty() const = 0;
};

// Who pays: one for each container (the host's included).
class SchedContext {
 public:
  static constexpr std::uint32_t default_weight = 100;
  static Result<Own<SchedContext>> create();  // with round robin; Error::nomem

  Nanoseconds cpu_time() const { return cpu_time_.load(std::memory_order_relaxed); }
  Policy& policy() { return *policy_; }

 private:
  friend class Scheduler;
  friend Result<Own<SchedContext>> make_own<SchedContext>(Own<Policy>&&);
  explicit SchedContext(Own<Policy> policy) : policy_(std::move(policy)) {}

  Own<Policy> policy_;
  std::uint64_t virtual_time_ = 0;
  std::uint32_t weight_ = default_weight;
  std::uint32_t running_ = 0;  // of its threads, on processors
  std::atomic<Nanoseconds> cpu_time_{0};

 public:
  struct ByVirtualTime {
    std::uint64_t operator()(const SchedContext& context) const { return context.virtual_time_; }
  };
  TreeNode node;  // in level 1's tree while its queue is not empty
};

namespace sched {

inline constexpr Nanoseconds slice = 10 * nanoseconds_per_millisecond;

inline Thread& current() { return *static_cast<Thread*>(arch::current_thread()); }

// At boot, on each processor: what runs now becomes its idle thread; then idle() runs others forever.
Result<void> initialise_this_cpu();
[[noreturn]] void idle();

void start(Thread& thread);              // created -> runnable; holds a reference until it is dead
void wake(Thread& thread);               // parked -> runnable; nothing if it is not parked
void yield();                            // to others that are runnable, if any
[[noreturn]] void exit();                // the current thread is dead; its reference goes once it is off its stack
void move(Thread& thread, SchedContext& to);  // charges and queue from now on: another container's
// In long loops, no lock held: lets interrupts in, and others run if this thread's slice is over.
void maybe_yield();
// True when the current thread should give up the processor: looked at on the way to user mode.
bool reschedule_wanted();

void on_timer_interrupt();  // from the arch upcalls; a wake-up interrupt needs nothing done: it ends the idle loop's sleep

// For sleep_until_raised: the current thread is off the processor until somebody wakes it. Not parked at all if the event
// is raised, or the thread interrupted and `interruptible`, by the time nobody can change that unseen.
void park(const Event& event, Wait wait);

// Totals for /proc: per processor, and runnable + running threads now.
struct CpuTimes {
  Nanoseconds user, system, idle;
};
CpuTimes cpu_times(unsigned cpu);
unsigned runnable_threads();
std::uint64_t context_switches();
struct LoadAverage {
  std::uint32_t one, five, fifteen;  // fixed point, 11 fractional bits, as Linux' sysinfo
};
LoadAverage load_average();
}  // namespace sched
}  // namespace cv6
