#include "sched/scheduler.hpp"

#include "arch/clock.hpp"
#include "sched/scheduler_core.hpp"
#include "sched/timer.hpp"

namespace cv6 {

// What runs when nothing else does; it never leaves its processor and no policy ever sees it.
class IdleThread final : public Thread {
 public:
  explicit IdleThread(SchedContext& nobody) : Thread(nobody) {}
};

constinit Scheduler scheduler;

// --- switching -------------------------------------------------------------------------------------------------------

// The thread that ran here until now goes where it is found again.
void Scheduler::put_down(Thread& thread, Leaving how, Cpu& cpu, Nanoseconds now) {
  const unsigned index = arch::cpu_index();
  const Nanoseconds time = queues_.charge(index, now);
  cpu.system_time.store(cpu.system_time.load(std::memory_order_relaxed) + time, std::memory_order_relaxed);
  thread.slice_left_ = 0;
  if (how == Leaving::yielded) {
    queues_.requeue(index, Policy::Why::yielded);
  } else if (how == Leaving::rescheduled) {
    if (now < thread.slice_end_) thread.slice_left_ = thread.slice_end_ - now;
    queues_.requeue(index, thread.slice_left_ ? Policy::Why::preempted : Policy::Why::slice_over);
  } else {
    queues_.end_running(index);
    if (how == Leaving::parked) return RunQueues::set_waiting(thread);
    if (how == Leaving::stopped) return queues_.hold(thread, *queues_.stopped_at(thread));
    return thread.state_.store(Thread::State::dead, std::memory_order_release);
  }
  // It may have to wait here, or may not run here any more: one that sleeps is told, now that the thread can be found.
  const bool alone = queues_.queued() == 1 && thread.affinity() & arch::cpu_bit(index);
  if (!alone) end_sleep(claim_idle_cpu(thread));
}

// The thread is to be interrupted when its slice is over, or its container's quota.
void Scheduler::set_slice_timer(Thread& thread, unsigned cpu, Nanoseconds now) {
  const Nanoseconds quota = queues_.quota_deadline(cpu, now);
  Timer::wake_processor_by(quota < thread.slice_end_ ? quota : thread.slice_end_);
}

// Who runs here from now on, for what is left of its slice or a new one; the idle thread if there is nobody.
Thread& Scheduler::choose(Cpu& cpu, unsigned index, Nanoseconds now) {
  Thread* thread = queues_.choose(index, now);
  // One whose container is stopped comes out of the kernel, and no further.
  cpu.slice_over.store(thread && queues_.stopped_at(*thread), std::memory_order_relaxed);
  if (!thread) {
    cpu.idle_since = now;
    return *cpu.idle_thread;
  }
  thread->slice_end_ = now + (thread->slice_left_ ? thread->slice_left_ : sched::slice);
  set_slice_timer(*thread, index, now);
  return *thread;
}

Scheduler::Others Scheduler::switch_away(Leaving how) NO_THREAD_SAFETY_ANALYSIS {
  const unsigned index = arch::cpu_index();
  Cpu& cpu = cpus_.here();
  Thread& from = sched::current();
  const Nanoseconds now = arch::monotonic_now();
  if (&from != cpu.idle_thread)
    put_down(from, how, cpu, now);
  else
    cpu.idle_time.store(cpu.idle_time.load(std::memory_order_relaxed) + now - cpu.idle_since, std::memory_order_relaxed);
  if (const arch::CpuSet stopped = queues_.take_interrupts()) [[unlikely]] {
    interrupt_cpus(stopped & ~arch::cpu_bit(index));
    wait_for_refill();
  }

  Thread& to = choose(cpu, index, now);
  if (&to == &from) {
    lock_.unlock();
    return Others::none;
  }
  if (&from == cpu.idle_thread) idle_cpus_.fetch_and(~arch::cpu_bit(index), std::memory_order_seq_cst);
  switches_.store(switches_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  from.leaving_cpu();
  cpu.previous = &from;
  arch::set_current_thread(&to);
  if (to.stack_) arch::set_kernel_stack(to.stack_top());
  arch::switch_context(from.kernel_context_, to.kernel_context_);
  finish_switch();  // on whatever processor this thread was chosen again
  return Others::ran;
}

// The first thing that a thread does when it is on the processor (again): what the one before it could not do itself.
void Scheduler::finish_switch() NO_THREAD_SAFETY_ANALYSIS {
  Thread* previous = cpus_.here().previous;
  const bool gone = previous->state() == Thread::State::dead;  // if not, it may be run, and end, from here on
  lock_.unlock();
  sched::current().entering_cpu();
  if (gone) previous->release();
}

void Scheduler::begin(Thread& thread) {
  scheduler.finish_switch();
  thread.entry_(thread.argument_);
  sched::exit();
}

void Thread::begin(void* thread) { Scheduler::begin(*static_cast<Thread*>(thread)); }

// --- waking ----------------------------------------------------------------------------------------------------------

unsigned Scheduler::claim_idle_cpu(const Thread& thread) {
  arch::CpuSet candidates = idle_cpus_.load(std::memory_order_seq_cst) & thread.affinity();
  while (candidates) {
    const arch::CpuSet last = arch::cpu_bit(thread.cpu_);
    const arch::CpuSet chosen = candidates & last ? last : candidates & -candidates;
    if (idle_cpus_.fetch_and(~chosen, std::memory_order_seq_cst) & chosen)
      return static_cast<unsigned>(__builtin_ctzll(chosen));
    candidates &= ~chosen;
  }
  return no_cpu;
}

void Scheduler::end_sleep(unsigned cpu) {
  if (cpu != no_cpu && cpu != arch::cpu_index()) arch::send_wakeup(cpu);
}

// Their threads reschedule on their next way to user mode, which is soon.
void Scheduler::interrupt_cpus(arch::CpuSet cpus) {
  for (; cpus; cpus &= cpus - 1) {
    const auto cpu = static_cast<unsigned>(__builtin_ctzll(cpus));
    cpus_.of(cpu).slice_over.store(true, std::memory_order_relaxed);
    arch::send_wakeup(cpu);  // this one as well: it is looked at where interrupts end (on_user_interrupted)
  }
}

void Scheduler::wake(Thread& thread) {
  unsigned sleeping, worse = no_cpu;
  {
    SpinGuard guard(lock_);
    if (thread.state() != Thread::State::parked) return;
    queues_.enqueue(thread, Policy::Why::woken);
    sleeping = claim_idle_cpu(thread);
    if (sleeping == no_cpu) worse = queues_.cpu_to_preempt(thread);
  }
  end_sleep(sleeping);
  if (worse != no_cpu) interrupt_cpus(arch::cpu_bit(worse));
}

void Scheduler::start(Thread& thread) {
  thread.hold();  // until it is dead and off its stack
  unsigned sleeping;
  {
    SpinGuard guard(lock_);
    queues_.enqueue(thread, Policy::Why::started);
    sleeping = claim_idle_cpu(thread);
  }
  end_sleep(sleeping);
}

// --- giving the processor up -----------------------------------------------------------------------------------------

Scheduler::Others Scheduler::yield(Leaving how) {
  assert_no_spin_lock_held();
  lock_.lock();
  return switch_away(how);
}

void Scheduler::reschedule() {
  assert_no_spin_lock_held();
  lock_.lock();
  Thread& self = sched::current();
  if (queues_.stopped_at(self)) {
    self.held_.store(true, std::memory_order_seq_cst);  // before the look: see Thread::interrupt
    if (!self.interrupted_.load(std::memory_order_seq_cst) && self.may_be_stopped()) {
      switch_away(Leaving::stopped);
      return;
    }
    self.held_.store(false, std::memory_order_relaxed);
  }
  switch_away(Leaving::rescheduled);
}

void Scheduler::park(const Event& event, Wait wait) {
  assert_no_spin_lock_held();
  lock_.lock();
  Thread& self = sched::current();
  if (event.raised() || (wait == Wait::interruptible && self.interrupted())) {
    lock_.unlock();
    return;
  }
  switch_away(Leaving::parked);
}

void Scheduler::exit() {
  assert_no_spin_lock_held();
  lock_.lock();
  switch_away(Leaving::dead);
  panic("a dead thread runs");
}

// --- processors ------------------------------------------------------------------------------------------------------

Result<void> Scheduler::initialise_this_cpu() {
  static constinit SchedContext* nobody = nullptr;
  if (!nobody) nobody = TRY(SchedContext::create()).release();
  Ref<IdleThread> thread = TRY(make<IdleThread>(*nobody));
  Cpu& cpu = cpus_.here();
  thread->state_.store(Thread::State::running, std::memory_order_release);
  thread->cpu_ = arch::cpu_index();
  cpu.idle_since = arch::monotonic_now();
  cpu.idle_thread = thread.leak();
  arch::set_current_thread(cpu.idle_thread);
  return {};
}

void Scheduler::idle() {
  const arch::CpuSet self = arch::cpu_bit(arch::cpu_index());
  while (true) {
    idle_cpus_.fetch_or(self, std::memory_order_seq_cst);
    // seq_cst: who enqueues after this look sees the bit and sends a wake-up, which ends the wait below.
    if (queues_.queued() != 0 && yield(Leaving::yielded) == Others::ran) continue;
    arch::wait_for_interrupt();
  }
}

// The processor that saw the next refill first keeps its timer set for it.
void Scheduler::wait_for_refill() {
  const Nanoseconds next = queues_.next_refill();
  if (next == never) return;
  refill_cpu_.store(arch::cpu_index(), std::memory_order_relaxed);
  Timer::wake_processor_by(next);
}

// Processors run threads that they should not, or sleep though there is something to run.
void Scheduler::after_change() {
  if (const arch::CpuSet cpus = queues_.take_interrupts()) interrupt_cpus(cpus);
  wait_for_refill();
  if (!queues_.take_released()) return;
  const arch::CpuSet here = arch::cpu_bit(arch::cpu_index());
  for (arch::CpuSet idle = idle_cpus_.exchange(0, std::memory_order_seq_cst) & ~here; idle; idle &= idle - 1)
    arch::send_wakeup(static_cast<unsigned>(__builtin_ctzll(idle)));
}

void Scheduler::on_timer_interrupt() {
  const unsigned index = arch::cpu_index();
  const Nanoseconds now = arch::monotonic_now();
  Timer::run_due(now);
  sched::update_load(now);
  const Nanoseconds refill = queues_.next_refill();
  if (refill <= now)
    change([](RunQueues& queues, Nanoseconds at) { queues.refill(at); });
  else if (refill != never && refill_cpu_.load(std::memory_order_relaxed) == index)
    Timer::wake_processor_by(refill);
  Thread& self = sched::current();
  Cpu& cpu = cpus_.here();
  if (&self == cpu.idle_thread) return;
  SpinGuard guard(lock_);
  const Nanoseconds time = queues_.charge_and_check_quotas(index, now);  // in user mode: interrupts are on nowhere else
  cpu.user_time.store(cpu.user_time.load(std::memory_order_relaxed) + time, std::memory_order_relaxed);
  if (const arch::CpuSet stopped = queues_.take_interrupts()) {
    interrupt_cpus(stopped);
    wait_for_refill();
  }
  if (now >= self.slice_end_) {
    if (queues_.queued() != 0) {
      cpu.slice_over.store(true, std::memory_order_relaxed);
      return;  // the next one's slice sets the timer
    }
    self.slice_end_ = now + sched::slice;
  }
  set_slice_timer(self, index, now);
}

sched::CpuTimes Scheduler::times(unsigned index) {
  Cpu& cpu = cpus_.of(index);
  const bool idle = idle_cpus_.load(std::memory_order_relaxed) & arch::cpu_bit(index);
  return {cpu.user_time.load(std::memory_order_relaxed), cpu.system_time.load(std::memory_order_relaxed),
          cpu.idle_time.load(std::memory_order_relaxed) + (idle ? arch::monotonic_now() - cpu.idle_since : 0)};
}

namespace sched {

Result<void> initialise_this_cpu() { return scheduler.initialise_this_cpu(); }
void idle() { scheduler.idle(); }
void start(Thread& thread) { scheduler.start(thread); }
void wake(Thread& thread) { scheduler.wake(thread); }
void yield() { (void)scheduler.yield(Scheduler::Leaving::yielded); }
void reschedule() { scheduler.reschedule(); }
void exit() { scheduler.exit(); }
void park(const Event& event, Wait wait) { scheduler.park(event, wait); }
bool reschedule_wanted() { return scheduler.reschedule_wanted(); }
void on_timer_interrupt() { scheduler.on_timer_interrupt(); }
CpuTimes cpu_times(unsigned cpu) { return scheduler.times(cpu); }
unsigned runnable_threads() { return scheduler.runnable(); }
std::uint64_t context_switches() { return scheduler.switches(); }

void maybe_yield() {
  assert_no_spin_lock_held();
  arch::interrupt_window();
  if (reschedule_wanted()) (void)scheduler.yield(Scheduler::Leaving::rescheduled);
}

bool may_go_on() {
  maybe_yield();
  const auto* self = static_cast<const Thread*>(arch::current_thread());
  return !self || !self->interrupted();  // null: a unit test that needs no threads
}

}  // namespace sched
}  // namespace cv6
