// How everything waits. A condition lives somewhere (data in a pipe, a child that ended); next to it is a WaitQueue.
//
//   pipe.readers.wait([&] { return !pipe.empty(); }, Wait::interruptible)     // blocks until the condition holds
//   pipe.readers.wake_all();                                                  // after every change that may make it true
//
// No wake-up is lost: a waiter is in the queue, with its event cleared, before the look at the condition after which it
// sleeps; whoever changes the condition raises the events of those in the queue afterwards; a waiter sleeps only while its
// event is not raised.
// The condition is evaluated without any lock held and takes what locks it needs; it may be evaluated often.
#pragma once

#include <atomic>

#include "lib/list.hpp"
#include "lib/result.hpp"
#include "lib/units.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class Thread;
class WaitQueue;

// "Something happened": raised by wakers, slept on by one thread. Or heard by a Listener, where no thread sleeps.
class Event {
 public:
  Event();  // for the current thread
  // What was done before a raise that is cleared here is visible from now on.
  void clear() { (void)raised_.exchange(false, std::memory_order_seq_cst); }
  bool raised() const { return raised_.load(std::memory_order_seq_cst); }
  void raise();
  bool listens() const { return thread_ == nullptr; }

 protected:
  explicit Event(Thread* thread) : thread_(thread) {}

 private:
  std::atomic<bool> raised_{false};
  Thread* thread_;
};

// An event that is an action: the first raise after each clear() calls it. It runs with the lock of the queue held that was
// woken, perhaps in an interrupt, so it takes only locks of greater ranks, and allocates and destroys nothing.
class Listener : public Event {
 public:
  using Action = void (*)(Listener& listener);
  explicit Listener(Action action) : Event(nullptr), action_(action) {}

 private:
  friend class Event;
  Action action_;
};

enum class Wait : std::uint8_t { interruptible, uninterruptible };

// Sleeps until the event is raised. Error::intr: the thread was interrupted (Wait::interruptible only);
// Error::timedout: the deadline (monotonic clock) has passed.
Result<void> sleep_until_raised(Event& event, Wait wait, Nanoseconds deadline = never);

// One place in one queue; a thread that waits for several things (poll) has several that raise the same event.
class Waiter {
 public:
  explicit Waiter(Event& event) : event_(&event) {}
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 private:
  friend class WaitQueue;
  Event* event_;
  WaitQueue* queue_ = nullptr;
  std::atomic<bool> chosen_{false};  // by wake_one

 public:
  ListNode node;  // for WaitQueue
};

class WaitQueue {
 public:
  // Another rank than the usual one: of queues that are woken by listeners.
  constexpr explicit WaitQueue(Rank rank = Rank::wait_queue) : lock_(rank) {}
  ~WaitQueue();

  template <class Condition>
  Result<void> wait(Condition condition, Wait wait = Wait::interruptible, Nanoseconds deadline = never) {
    if (condition()) return {};
    Event event;
    Waiter waiter(event);
    add(waiter);
    Result<void> outcome;
    while (!condition()) {
      outcome = sleep_until_raised(event, wait, deadline);
      if (condition()) {
        outcome = {};
        break;
      }
      if (!outcome) break;
      event.clear();
      waiter.chosen_.store(false, std::memory_order_relaxed);
    }
    remove(waiter, outcome ? Pass::no : Pass::yes);
    return outcome;
  }

  // The oldest waiter that has not been chosen yet: for things that only one can use. Listeners hear of it as well.
  void wake_one();
  void wake_all();
  bool anyone_waiting() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // what made the condition true comes before this look
    return count_.load(std::memory_order_relaxed) != 0;
  }

  void add(Waiter& waiter);
  // Pass::yes: a choice by wake_one that this waiter will not use goes to the next one.
  enum class Pass : std::uint8_t { no, yes };
  void remove(Waiter& waiter, Pass pass = Pass::yes);

 private:
  SpinLock lock_;
  std::atomic<std::uint32_t> count_{0};
  List<Waiter, &Waiter::node> waiters_;
};

}  // namespace cv6
