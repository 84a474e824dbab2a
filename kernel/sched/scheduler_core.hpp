// The Scheduler itself, private to sched/: one lock over the RunQueues, the processors, and the switch. scheduler.cpp runs
// threads; scheduler_control.cpp changes settings.
#pragma once

#include "arch/clock.hpp"
#include "sched/run_queues.hpp"
#include "sched/scheduler.hpp"
#include "sync/per_cpu.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class Scheduler {
 public:
  void start(Thread& thread);
  void wake(Thread& thread);
  enum class Others : std::uint8_t { none, ran };
  // What becomes of the thread that leaves the processor.
  enum class Leaving : std::uint8_t { parked, dead, yielded, rescheduled, stopped };
  Others yield(Leaving how);
  void reschedule();
  void park(const Event& event, Wait wait);
  [[noreturn]] void exit();
  Result<void> initialise_this_cpu();
  [[noreturn]] void idle();
  void on_timer_interrupt();
  bool reschedule_wanted() { return cpus_.here().slice_over.load(std::memory_order_relaxed); }
  static void begin(Thread& thread);

  void move(Thread& thread, SchedContext& to);
  void set_affinity(Thread& thread, arch::CpuSet cpus);
  void set_nice(Thread& thread, int nice);
  void release_stopped(Thread& thread);
  // change(queues, now) under the lock; then what follows from it for processors that run or sleep.
  template <class Change>
  void change(Change change) {
    SpinGuard guard(lock_);
    change(queues_, arch::monotonic_now());
    after_change();
  }

  // Threads that want a processor or have one.
  unsigned runnable() const { return queues_.queued() + queues_.running(); }
  std::uint64_t switches() const { return switches_.load(std::memory_order_relaxed); }
  sched::CpuTimes times(unsigned cpu);
  RunQueues& queues_for_test() { return queues_; }

 private:
  struct Cpu {
    Thread* idle_thread = nullptr;
    Thread* previous = nullptr;  // who ran before the switch that is being finished
    std::atomic<bool> slice_over{false};
    Nanoseconds idle_since = 0;
    std::atomic<Nanoseconds> user_time{0}, system_time{0}, idle_time{0};
  };
  // Another thread runs from here on; comes back, lock released, when this one is chosen again.
  Others switch_away(Leaving how) RELEASE(lock_);
  void put_down(Thread& thread, Leaving how, Cpu& cpu, Nanoseconds now) REQUIRES(lock_);
  Thread& choose(Cpu& cpu, unsigned index, Nanoseconds now) REQUIRES(lock_);
  void finish_switch();
  void set_slice_timer(Thread& thread, unsigned cpu, Nanoseconds now) REQUIRES(lock_);
  // A processor that sleeps and may run the thread, which is queued: the caller must wake it up, end_sleep(). no_cpu: none.
  unsigned claim_idle_cpu(const Thread& thread) REQUIRES(lock_);
  static void end_sleep(unsigned cpu);
  void interrupt_cpus(arch::CpuSet cpus);
  void after_change() REQUIRES(lock_);
  void wait_for_refill() REQUIRES(lock_);

  SpinLock lock_{Rank::scheduler};
  RunQueues queues_;
  std::atomic<arch::CpuSet> idle_cpus_{0};
  std::atomic<std::uint64_t> switches_{0};
  std::atomic<unsigned> refill_cpu_{0};  // whose timer is set for the next refill
  PerCpu<Cpu> cpus_;
};

extern Scheduler scheduler;

}  // namespace cv6
