// A machine of virtual processors and a virtual clock around the real RunQueues: threads compute and sleep as a test says,
// processors do what the Scheduler does, step by step, and everything that happens is the same in every run.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "arch/target/simulation.hpp"
#include "sched/scheduler_core.hpp"
#include "support/machine.hpp"

namespace cv6::test {

inline constexpr Nanoseconds millisecond = nanoseconds_per_millisecond;
inline constexpr Nanoseconds second = nanoseconds_per_second;

// Computes for `burst`, sleeps for `pause`, again and again; without a pause it only computes. `work`: ends after so much.
struct Behaviour {
  Nanoseconds burst = never;
  Nanoseconds pause = 0;
  Nanoseconds work = never;
};

class SimulatedThread : public Thread {
 public:
  SimulatedThread(SchedContext& context, int number, Behaviour behaviour)
      : Thread(context), id(number), does(behaviour), burst_left(behaviour.burst) {}
  int number_for_log() const override { return id; }
  void decision_was_logged() override { ++logged; }

  const int id;
  Behaviour does;
  Nanoseconds burst_left;
  Nanoseconds slice_left = 0;   // of one that was preempted
  Nanoseconds wakes_at = never;  // while it sleeps
  Nanoseconds woken_at = 0;
  bool waits_for_first_run = false;
  Nanoseconds longest_wait = 0;  // from a wake-up to its processor
  bool done = false;
  int logged = 0;
};

class VirtualMachine {
 public:
  explicit VirtualMachine(unsigned cpus) : processors_(cpus), outsider_(context(), -1, {}) {
    arch::simulation::set_cpu_count(cpus);
    arch::simulation::set_time(now_);
    (void)arch::simulation::take_wakeups();
    arch::set_current_thread(&outsider_);
  }
  ~VirtualMachine();

  SchedContext& context(SchedContext* parent = nullptr, const SchedSettings& settings = {});
  SimulatedThread& thread(SchedContext& context, Behaviour behaviour = {}, int nice = 0);
  std::vector<SimulatedThread*> threads(SchedContext& context, int count, Behaviour behaviour = {});

  void run_for(Nanoseconds time);
  // After a change from outside: processors whose threads are to reschedule do.
  void settle();
  void interrupt(SimulatedThread& thread);  // as a signal does

  Nanoseconds now() const { return now_; }
  Nanoseconds idle_time() const { return idle_time_; }
  RunQueues& queues() { return scheduler.queues_for_test(); }
  SimulatedThread* running_on(unsigned cpu) { return processors_[cpu].thread; }
  unsigned cpus() const { return static_cast<unsigned>(processors_.size()); }
  // Every decision: called with the thread.
  std::function<void(SimulatedThread&)> on_decision;
  void check_invariants();
  std::vector<std::unique_ptr<SimulatedThread>>& all_threads() { return threads_; }

 private:
  struct Processor {
    SimulatedThread* thread = nullptr;
    Nanoseconds slice_end = 0, looks_at = 0;
    bool reschedule = false;
  };
  bool is_running(const SimulatedThread& thread) const;
  Nanoseconds next_event() const;
  void advance(Nanoseconds to);
  void look(unsigned cpu);       // its timer's interrupt, and the end of a burst
  void leave(unsigned cpu, Policy::Why why);
  void dispatch(unsigned cpu);
  void fill_idle();
  void wake_due();
  void take_interrupts();

  std::vector<Processor> processors_;
  Nanoseconds now_ = 1 * second;
  Nanoseconds idle_time_ = 0;
  std::vector<Own<SchedContext>> contexts_;
  std::vector<std::unique_ptr<SimulatedThread>> threads_;
  SimulatedThread outsider_;  // who calls, as the kernel sees it; it never runs
};

}  // namespace cv6::test
