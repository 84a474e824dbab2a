#include "sched/wait_queue.hpp"

#include "arch/clock.hpp"
#include "sched/scheduler.hpp"
#include "sched/timer.hpp"

namespace cv6 {

Event::Event() : thread_(&sched::current()) {}

void Event::raise() {
  const bool before = raised_.exchange(true, std::memory_order_seq_cst);  // before the look at the thread's state in wake()
  if (thread_) [[likely]] return sched::wake(*thread_);
  auto& listener = static_cast<Listener&>(*this);
  if (!before) listener.action_(listener);
}

namespace {

struct WakeTimer : Timer {
  explicit WakeTimer(Thread& sleeper) : Timer([](Timer& timer) { sched::wake(static_cast<WakeTimer&>(timer).thread); }), thread(sleeper) {}
  Thread& thread;
};

[[gnu::noinline]] Result<void> sleep_with_timer(Event& event, Wait wait, Nanoseconds deadline) {
  Thread& self = sched::current();
  WakeTimer timer(self);
  while (!event.raised()) {
    if (wait == Wait::interruptible && self.interrupted()) return Error::intr;
    if (arch::monotonic_now() >= deadline) return Error::timedout;
    timer.start(deadline);
    sched::park(event, wait);
  }
  return {};
}

}  // namespace

Result<void> sleep_until_raised(Event& event, Wait wait, Nanoseconds deadline) {
  if (deadline != never) return sleep_with_timer(event, wait, deadline);
  do {
    if (wait == Wait::interruptible && sched::current().interrupted()) return Error::intr;
    sched::park(event, wait);
  } while (!event.raised());
  return {};
}

Waiter::~Waiter() {
  if (queue_) queue_->remove(*this);
}

WaitQueue::~WaitQueue() { CV6_DEBUG_ASSERT(waiters_.empty()); }

void WaitQueue::add(Waiter& waiter) {
  SpinGuard guard(lock_);
  waiter.queue_ = this;
  waiter.chosen_ = false;
  waiters_.push_back(waiter);
  // seq_cst: the waiter looks at its condition after this; the waker changes it before it looks at the count.
  count_.fetch_add(1, std::memory_order_seq_cst);
}

void WaitQueue::remove(Waiter& waiter, Pass pass) {
  bool pass_on;
  {
    SpinGuard guard(lock_);
    waiters_.remove(waiter);
    waiter.queue_ = nullptr;
    count_.fetch_sub(1, std::memory_order_relaxed);
    pass_on = pass == Pass::yes && waiter.chosen_;
  }
  if (pass_on) wake_one();
}

void WaitQueue::wake_one() {
  if (!anyone_waiting()) return;
  SpinGuard guard(lock_);
  for (Waiter& waiter : waiters_) {
    if (waiter.event_->listens()) {
      waiter.event_->raise();
    } else if (!waiter.chosen_) {
      waiter.chosen_ = true;
      waiter.event_->raise();
      return;
    }
  }
}

void WaitQueue::wake_all() {
  if (!anyone_waiting()) return;
  SpinGuard guard(lock_);
  for (Waiter& waiter : waiters_) waiter.event_->raise();
}

}  // namespace cv6
