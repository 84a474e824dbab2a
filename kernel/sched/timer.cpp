#include "sched/timer.hpp"

#include "arch/clock.hpp"
#include "sync/per_cpu.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

namespace {

struct ByDeadline {
  Nanoseconds operator()(const Timer& timer) const { return timer.deadline(); }
};

struct Queue {
  SpinLock lock{Rank::timers};
  Tree<Timer, &Timer::node, ByDeadline> timers GUARDED_BY(lock);
  std::atomic<Timer*> running{nullptr};  // its action is being carried out
  Nanoseconds programmed = never;        // what the processor's timer is set to; this processor only
};
constinit PerCpu<Queue> queues;

}  // namespace

void Timer::wake_processor_by(Nanoseconds deadline) {
  Queue& queue = queues.here();
  // An earlier interrupt that turns out to be early sets the timer again; that is cheaper than always moving it.
  if (queue.programmed <= deadline) return;
  queue.programmed = deadline;
  arch::set_timer(deadline);
}

void Timer::start(Nanoseconds deadline) {
  cancel();
  Queue& queue = queues.here();
  {
    SpinGuard guard(queue.lock);
    deadline_ = deadline;
    cpu_ = arch::cpu_index();
    queue.timers.insert(*this);
  }
  wake_processor_by(deadline);
}

bool Timer::cancel() {
  Queue& queue = queues.of(cpu_);
  bool waited = false;  // for its time
  while (true) {
    {
      SpinGuard guard(queue.lock);
      if (node.linked()) {
        queue.timers.remove(*this);
        waited = true;
      }
      // On its own processor an action is never interrupted: this is it itself.
      if (cpu_ == arch::cpu_index() || queue.running.load(std::memory_order_acquire) != this) return waited;
    }
    // Its action may have started it again, and goes on. acquire: what the action did is visible.
    while (queue.running.load(std::memory_order_acquire) == this) arch::relax();
  }
}

void Timer::run_due(Nanoseconds now) {
  Queue& queue = queues.here();
  queue.programmed = never;
  while (true) {
    Timer* timer;
    {
      SpinGuard guard(queue.lock);
      timer = queue.timers.first();
      if (!timer || timer->deadline_ > now) break;
      queue.timers.remove(*timer);
      queue.running.store(timer, std::memory_order_relaxed);
    }
    timer->action_(*timer);
    queue.running.store(nullptr, std::memory_order_release);  // pairs with acquire in cancel()
  }
  SpinGuard guard(queue.lock);
  if (Timer* next = queue.timers.first()) wake_processor_by(next->deadline_);
}

}  // namespace cv6
