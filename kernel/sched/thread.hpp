// What runs. A Thread is a kernel stack and a context; user threads (task/user_thread.hpp) derive from it.
//
// States, changed under the scheduler's lock:
//
//   created --start()--> runnable --dispatched--> running --yield, slice over--> runnable
//                            ^                        |--park()--> parked
//                            +-------- wake() --------+               |      running --exit()--> dead
//                            +----------------- wake() ---------------+
//
// A thread parks to wait; whoever has what it waits for wakes it (wait_queue.hpp is how everything waits). What a thread
// costs is charged to its SchedContext: what runs is apart from who pays.
#pragma once

#include <atomic>
#include <string_view>

#include "arch/context.hpp"
#include "arch/cpu.hpp"
#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "lib/tree.hpp"
#include "lib/units.hpp"
#include "mm/allocation_failures.hpp"
#include "mm/payer.hpp"

namespace cv6 {

class SchedContext;

// What the container's virtual scheduler sees (`v_state`): true at every moment.
enum class VirtualState : std::uint8_t { runnable, running, waiting };

class Thread : public Counted<Thread> {
 public:
  enum class State : std::uint8_t { created, runnable, running, parked, dead };

  static constexpr std::size_t stack_size = 16384;

  // Allocates the stack; the thread will begin in `entry(argument)`. Error::nomem. Called by derived classes' factories.
  // A thread's destructor must not block: it runs on whatever thread follows it.
  Result<void> prepare(void (*entry)(void*), void* argument);
  virtual ~Thread();

  State state() const { return state_.load(std::memory_order_acquire); }
  VirtualState virtual_state() const;
  SchedContext& sched_context() const { return *context_; }
  void* stack_top() const { return stack_ ? static_cast<char*>(stack_) + stack_size : nullptr; }
  arch::UserRegisters& user_registers() const { return *arch::user_registers(stack_top()); }
  unsigned last_cpu() const { return cpu_; }
  Nanoseconds cpu_time() const;  // processor time so far
  // The same up to when it was last charged: under the scheduler's lock, while it does not run, exact.
  Nanoseconds charged_time() const { return cpu_time_.load(std::memory_order_relaxed); }
  std::uint64_t decisions() const { return decisions_.load(std::memory_order_relaxed); }  // how often it was chosen

  // Which processors may run it (sched_setaffinity(2)): all, or some of those that there are. One that runs elsewhere
  // leaves that processor at its next way to user mode; the calling thread does so before this returns.
  void set_affinity(arch::CpuSet cpus);
  arch::CpuSet affinity() const { return affinity_.load(std::memory_order_relaxed); }

  // -20 (the best) .. 19: what its container's policy makes of it (setpriority(2)).
  int nice() const { return nice_.load(std::memory_order_relaxed); }
  void set_nice(int nice);

  // Interruption: somebody wants the thread to come out of interruptible waits (a signal, a kill). Set with `interrupt`,
  // taken back by the layer that deals with it.
  void interrupt();
  void clear_interruption() { interrupted_.store(false, std::memory_order_relaxed); }
  bool interrupted() const { return interrupted_.load(std::memory_order_acquire); }

 protected:
  explicit Thread(SchedContext& context) : context_(&context) {}
  // Around each time on a processor: who pays for memory now (nobody, for the kernel's own threads) and whose of it
  // fails; user threads load and save what belongs to user mode. `leaving_cpu` is called with the scheduler's lock held
  // and takes no other; `entering_cpu` without locks. Neither blocks.
  virtual void entering_cpu() {
    payer::set(nullptr);
    allocation_failures::set(nullptr);
  }
  virtual void leaving_cpu() {}
  // The scheduler log of its container (decision_log.hpp), with the scheduler's lock held: what it calls this thread; and
  // that it has been chosen, which somebody may want to print. While it prints itself it is not logged.
  virtual int number_for_log() const { return 0; }
  virtual void decision_was_logged() {}
  // Whether it may be made to stand still while its container is stopped; with the scheduler's lock held. One of whom this
  // stops being true is interrupted afterwards.
  virtual bool may_be_stopped() const { return true; }

 private:
  friend class Scheduler;
  friend class RunQueues;
  static void begin(void* thread);

  arch::KernelContext kernel_context_;
  void* stack_ = nullptr;
  std::atomic<State> state_{State::created};
  std::atomic<bool> interrupted_{false};
  unsigned cpu_ = 0;
  std::atomic<arch::CpuSet> affinity_{~arch::CpuSet{0}};
  SchedContext* context_;            // outlives the thread's last dispatch
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  std::atomic<Nanoseconds> accounted_until_{0};  // while running
  Nanoseconds slice_end_ = 0;
  Nanoseconds slice_left_ = 0;       // of one that was preempted
  std::atomic<Nanoseconds> cpu_time_{0};
  std::atomic<std::uint64_t> decisions_{0};
  std::atomic<std::int8_t> nice_{0};
  std::atomic<bool> held_{false};    // stopped with its container: runnable, but in no queue
  std::uint32_t policy_serial_ = 0;  // the policy that knows it

 public:
  // For its container's policy (policy.hpp), under the scheduler's lock. `queue_node` serves those that are stopped too.
  ListNode queue_node;
  TreeNode queue_tree_node;
  std::uint64_t order = 0;          // its place in the queue: lower is sooner
  Nanoseconds counted = 0;          // of charged_time(): what is in `order` already
  arch::CpuSet cpus_below = 0;      // the tree's, as is the next
  std::uint64_t tickets_below = 0;
  bool reports_decisions = false;   // own: it prints its container's scheduler log
};

}  // namespace cv6
