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

  // Which processors may run it (sched_setaffinity(2)). Takes effect at its next dispatch.
  void set_affinity(arch::CpuSet cpus);
  arch::CpuSet affinity() const { return affinity_.load(std::memory_order_relaxed); }

  // Interruption: somebody wants the thread to come out of interruptible waits (a signal, a kill). Set with `interrupt`,
  // taken back by the layer that deals with it.
  void interrupt();
  void clear_interruption() { interrupted_.store(false, std::memory_order_relaxed); }
  bool interrupted() const { return interrupted_.load(std::memory_order_acquire); }

 protected:
  explicit Thread(SchedContext& context) : context_(&context) {}
  // Around each time on a processor: user threads load and save what belongs to user mode. `leaving_cpu` is called with
  // the scheduler's lock held and takes no other; `entering_cpu` without locks. Neither blocks.
  virtual void entering_cpu() {}
  virtual void leaving_cpu() {}

 private:
  friend class Scheduler;
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
  std::atomic<Nanoseconds> cpu_time_{0};

 public:
  ListNode queue_node;  // in its container's policy queue
};

}  // namespace cv6
