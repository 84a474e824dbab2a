// The virtual machine of support/virtual_machine.hpp, and that it does what its users rely on.
#include <algorithm>

#include "support/virtual_machine.hpp"

namespace cv6::test {

VirtualMachine::~VirtualMachine() {
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
    if (!processors_[cpu].thread) continue;
    queues().charge(cpu, now_);
    queues().end_running(cpu);
    RunQueues::set_waiting(*processors_[cpu].thread);
  }
  for (auto& thread : threads_) {
    if (RunQueues::is_held(*thread)) queues().release(*thread);
    if (RunQueues::is_queued(*thread)) queues().dequeue(*thread);
  }
  threads_.clear();
  while (!contexts_.empty()) contexts_.pop_back();  // children before their parents
  arch::set_current_thread(nullptr);
  arch::simulation::set_time(-1);
  arch::simulation::set_cpu_count(8);
}

SchedContext& VirtualMachine::context(SchedContext* parent, const SchedSettings& settings) {
  contexts_.push_back(std::move(*SchedContext::create(parent, settings)));
  return *contexts_.back();
}

SimulatedThread& VirtualMachine::thread(SchedContext& context, Behaviour behaviour, int nice) {
  threads_.push_back(std::make_unique<SimulatedThread>(context, static_cast<int>(threads_.size()), behaviour));
  SimulatedThread& made = *threads_.back();
  made.set_nice(nice);
  queues().enqueue(made, Policy::Why::started);
  return made;
}

std::vector<SimulatedThread*> VirtualMachine::threads(SchedContext& context, int count, Behaviour behaviour) {
  std::vector<SimulatedThread*> made;
  for (int i = 0; i < count; ++i) made.push_back(&thread(context, behaviour));
  return made;
}

bool VirtualMachine::is_running(const SimulatedThread& thread) const {
  return std::any_of(processors_.begin(), processors_.end(), [&](const Processor& one) { return one.thread == &thread; });
}

void VirtualMachine::take_interrupts() {
  const arch::CpuSet asked = queues().take_interrupts() | arch::simulation::take_wakeups();
  for (unsigned cpu = 0; cpu < cpus(); ++cpu)
    if (asked & arch::cpu_bit(cpu) && processors_[cpu].thread) processors_[cpu].reschedule = true;
  (void)queues().take_released();
}

void VirtualMachine::leave(unsigned cpu, Policy::Why why) {
  Processor& processor = processors_[cpu];
  SimulatedThread& thread = *std::exchange(processor.thread, nullptr);
  processor.reschedule = false;
  queues().charge(cpu, now_);
  if (thread.does.burst != never && thread.burst_left == 0) {  // it sleeps, or ends
    thread.slice_left = 0;
    thread.burst_left = thread.does.burst;
    thread.wakes_at = now_ + thread.does.pause;
    queues().end_running(cpu);
    RunQueues::set_waiting(thread);
  } else if (thread.does.work == 0) {
    thread.done = true;
    queues().end_running(cpu);
    RunQueues::set_waiting(thread);
  } else if (SchedContext* stop = queues().stopped_at(thread)) {
    thread.slice_left = processor.slice_end - now_;
    queues().end_running(cpu);
    queues().hold(thread, *stop);
  } else {
    thread.slice_left = why == Policy::Why::preempted ? processor.slice_end - now_ : 0;
    queues().requeue(cpu, why);
  }
  take_interrupts();
}

void VirtualMachine::dispatch(unsigned cpu) {
  Processor& processor = processors_[cpu];
  while (Thread* chosen = queues().choose(cpu, now_)) {
    auto& thread = static_cast<SimulatedThread&>(*chosen);
    ASSERT_TRUE(thread.affinity() & arch::cpu_bit(cpu)) << "a thread runs where it may not";
    if (on_decision) on_decision(thread);
    processor.thread = &thread;
    processor.slice_end = now_ + (thread.slice_left > 0 ? thread.slice_left : sched::slice);
    processor.reschedule = false;
    if (thread.waits_for_first_run) {
      thread.longest_wait = std::max(thread.longest_wait, now_ - thread.woken_at);
      thread.waits_for_first_run = false;
    }
    if (!queues().stopped_at(thread)) break;
    leave(cpu, Policy::Why::preempted);  // at once: it goes no further than the way to user mode
  }
  if (processor.thread) processor.looks_at = std::min(processor.slice_end, queues().quota_deadline(cpu, now_));
}

void VirtualMachine::look(unsigned cpu) {
  Processor& processor = processors_[cpu];
  queues().charge_and_check_quotas(cpu, now_);
  take_interrupts();
  SimulatedThread& thread = *processor.thread;
  if (thread.does.work == 0 || thread.burst_left == 0) {
    leave(cpu, Policy::Why::yielded);
    return dispatch(cpu);
  }
  if (now_ >= processor.slice_end) {
    if (queues().queued() != 0) {
      leave(cpu, Policy::Why::slice_over);
      return dispatch(cpu);
    }
    processor.slice_end = now_ + sched::slice;
  }
  processor.looks_at = std::min(processor.slice_end, queues().quota_deadline(cpu, now_));
}

void VirtualMachine::settle() {
  for (bool changed = true; changed;) {
    take_interrupts();
    changed = false;
    for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
      if (!processors_[cpu].reschedule) continue;
      leave(cpu, now_ >= processors_[cpu].slice_end ? Policy::Why::slice_over : Policy::Why::preempted);
      dispatch(cpu);
      changed = true;
    }
    for (unsigned cpu = 0; cpu < cpus(); ++cpu)
      if (!processors_[cpu].thread) dispatch(cpu);
  }
}

void VirtualMachine::interrupt(SimulatedThread& thread) {
  if (RunQueues::is_held(thread)) queues().release(thread);
  settle();
}

void VirtualMachine::wake_due() {
  for (auto& thread : threads_) {
    if (thread->wakes_at > now_) continue;
    thread->wakes_at = never;
    thread->woken_at = now_;
    thread->waits_for_first_run = true;
    queues().enqueue(*thread, Policy::Why::woken);
    bool idle = false;
    for (unsigned cpu = 0; cpu < cpus(); ++cpu) idle |= !processors_[cpu].thread && thread->affinity() & arch::cpu_bit(cpu);
    if (!idle)
      if (const unsigned cpu = queues().cpu_to_preempt(*thread); cpu != no_cpu) processors_[cpu].reschedule = true;
    settle();
  }
}

Nanoseconds VirtualMachine::next_event() const {
  Nanoseconds next = scheduler.queues_for_test().next_refill();
  for (const Processor& one : processors_) {
    if (!one.thread) continue;
    const Nanoseconds burst = one.thread->burst_left < one.thread->does.work ? one.thread->burst_left : one.thread->does.work;
    next = std::min({next, one.looks_at, burst == never ? never : now_ + burst});
  }
  for (const auto& thread : threads_) next = std::min(next, thread->wakes_at);
  return next;
}

void VirtualMachine::advance(Nanoseconds to) {
  const Nanoseconds time = to - now_;
  for (Processor& one : processors_) {
    if (!one.thread) {
      idle_time_ += time;
      continue;
    }
    if (one.thread->burst_left != never) one.thread->burst_left -= time;
    if (one.thread->does.work != never) one.thread->does.work -= time;
  }
  now_ = to;
  arch::simulation::set_time(now_);
}

void VirtualMachine::run_for(Nanoseconds time) {
  const Nanoseconds end = now_ + time;
  settle();
  while (true) {
    const Nanoseconds next = std::max(next_event(), now_);
    if (next >= end) break;
    advance(next);
    if (queues().next_refill() <= now_) queues().refill(now_);
    for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
      const Processor& one = processors_[cpu];
      if (one.thread && (one.looks_at <= now_ || one.thread->burst_left == 0 || one.thread->does.work == 0)) look(cpu);
    }
    wake_due();
    settle();
  }
  advance(end);
  for (unsigned cpu = 0; cpu < cpus(); ++cpu)
    if (processors_[cpu].thread) queues().charge(cpu, now_);
  take_interrupts();
}

void VirtualMachine::check_invariants() {
  unsigned queued = 0;
  arch::CpuSet wanted = 0;
  for (auto& thread : threads_) {
    const bool running = is_running(*thread);
    if (running) {
      EXPECT_EQ(thread->virtual_state(), VirtualState::running);
      EXPECT_FALSE(queues().stopped_at(*thread)) << "a stopped thread runs";
    } else if (!thread->done && thread->wakes_at == never && !RunQueues::is_held(*thread)) {
      EXPECT_EQ(thread->virtual_state(), VirtualState::runnable);
      ++queued;
      wanted |= thread->affinity();
    }
  }
  EXPECT_EQ(queues().queued(), queued);
  for (unsigned cpu = 0; cpu < cpus(); ++cpu)
    EXPECT_FALSE(!processors_[cpu].thread && wanted & arch::cpu_bit(cpu)) << "processor " << cpu << " is idle for nothing";
}

namespace {

using SchedulerMachine = MachineTest;

TEST_F(SchedulerMachine, OneThreadHasOneProcessorAndTheOthersIdle) {
  VirtualMachine machine(4);
  SimulatedThread& thread = machine.thread(machine.context());
  machine.run_for(1 * second);
  EXPECT_EQ(thread.charged_time(), 1 * second);
  EXPECT_EQ(machine.idle_time(), 3 * second);
}

TEST_F(SchedulerMachine, SleepersUseWhatTheyNeed) {
  VirtualMachine machine(1);
  SimulatedThread& thread = machine.thread(machine.context(), {.burst = 1 * millisecond, .pause = 3 * millisecond});
  machine.run_for(1 * second);
  EXPECT_EQ(thread.charged_time(), 250 * millisecond);
  EXPECT_EQ(thread.longest_wait, 0);
}

}  // namespace
}  // namespace cv6::test
