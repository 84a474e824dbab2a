// The two-level scheduler.
//
// Level 1 divides the processors among containers (share.hpp): by weight, within quotas, over all processors together.
// Level 2 chooses within a container: its Policy (policy.hpp) has one queue for all processors. RunQueues joins the two,
// SchedContext is what a container has of it, and the Scheduler runs what they choose.
//
// One lock covers both levels; critical sections are a few dozen instructions. It is held across the switch from one
// thread to the next and released on the other side, so nobody runs a thread whose stack is still in use. A processor with
// nothing to run sleeps, without ticks, and is woken by the wake() that finds it something. While one runs something, its
// one-shot timer is set to the end of the slice.
//
// The kernel is not preempted: a thread gives the processor up where it parks, in maybe_yield(), or on its way back to
// user mode when its slice is over or somebody better has come.
#pragma once

#include "sched/sched_context.hpp"
#include "sched/thread.hpp"
#include "sched/wait_queue.hpp"
#include "sync/jitter.hpp"

namespace cv6 {

namespace sched {

inline constexpr Nanoseconds slice = 10 * nanoseconds_per_millisecond;

inline Thread& current() { return *static_cast<Thread*>(arch::current_thread()); }

// At boot, on each processor: what runs now becomes its idle thread; then idle() runs others forever.
Result<void> initialise_this_cpu();
[[noreturn]] void idle();

void start(Thread& thread);              // created -> runnable; holds a reference until it is dead
void wake(Thread& thread);               // parked -> runnable; nothing if it is not parked
void yield();                            // to others that are runnable, if any
// Nothing but in tests (sync/jitter.hpp). Where a thread might have to wait, with no spin lock held.
inline void give_way_by_chance() {
  if (jitter::wants_to_yield()) yield();
}
[[noreturn]] void exit();                // the current thread is dead; its reference goes once it is off its stack
void move(Thread& thread, SchedContext& to);  // charges and queue from now on: another container's
// In long loops (pace.hpp counts their steps), no spin lock held: lets interrupts in, and others run if this thread's slice
// is over.
void maybe_yield();
// The same between the steps of a long transfer. False: the thread is interrupted, so what has been moved has to do.
[[nodiscard]] bool may_go_on();
// True when the current thread should give up the processor: looked at on the way to user mode, where the thread holds
// nothing that others wait for; then reschedule(), which also stops the thread if its container is stopped.
bool reschedule_wanted();
void reschedule();
void release_stopped(Thread& thread);  // for Thread::interrupt: a stopped thread runs up to its way to user mode again

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
void update_load(Nanoseconds now);  // now and then
}  // namespace sched
}  // namespace cv6
