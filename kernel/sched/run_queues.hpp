// Both levels of the scheduler joined, as data: who is queued, who runs where, who is charged, who is stopped. It decides;
// the Scheduler (scheduler.cpp) switches, sets timers and sends interrupts. So it needs no machine and is tested with a
// simulated clock. Everything here is called with the scheduler's lock held, but for what says otherwise.
//
// Who shall give its processor up before its slice is over is noted in a set, which the Scheduler takes with
// take_interrupts() and acts on.
#pragma once

#include "sched/sched_context.hpp"

namespace cv6 {

inline constexpr unsigned no_cpu = ~0u;

class RunQueues {
 public:
  // --- queues --------------------------------------------------------------------------------------------------------
  void enqueue(Thread& thread, Policy::Why why);  // it neither ran nor was queued
  void dequeue(Thread& thread);                   // it is queued
  // The thread that runs there from now on, out of its queue; null: nothing that may run there is queued.
  Thread* choose(unsigned cpu, Nanoseconds now) {
    Thread* thread = queued_.load(std::memory_order_relaxed) ? take_next(arch::cpu_bit(cpu)) : nullptr;
    if (thread) begin_running(*thread, cpu, now);
    return thread;
  }
  unsigned queued() const { return queued_.load(std::memory_order_seq_cst); }  // threads; without the lock
  // Where something worse runs than the woken thread, which has just been enqueued; no_cpu: nowhere.
  unsigned cpu_to_preempt(const Thread& woken) const {
    const bool only_its_own_run = woken.context_->running_ == running();
    return only_its_own_run && !woken.context_->policy_->may_preempt ? no_cpu : find_cpu_to_preempt(woken);
  }

  // --- who runs ------------------------------------------------------------------------------------------------------
  // What runs there leaves the processor, having been charged: to wait, to be stopped, to end; or back into its queue.
  void end_running(unsigned cpu) {
    deactivate(*running_on_[cpu]->context_);
    forget_running(cpu);
  }
  void requeue(unsigned cpu, Policy::Why why) {
    put_into_queue(*running_on_[cpu], why);
    forget_running(cpu);
  }
  static void set_waiting(Thread& thread) { thread.state_.store(Thread::State::parked, std::memory_order_release); }
  unsigned running() const { return running_.load(std::memory_order_relaxed); }  // threads; without the lock
  // What runs there has run until now; and the time since it was charged last.
  Nanoseconds charge(unsigned cpu, Nanoseconds now) {
    Thread& thread = *running_on_[cpu];
    const Nanoseconds time = now - thread.accounted_until_.load(std::memory_order_relaxed);
    if (time <= 0) return 0;  // another processor's look at the clock was a little later
    thread.accounted_until_.store(now, std::memory_order_relaxed);
    thread.cpu_time_.store(thread.charged_time() + time, std::memory_order_relaxed);
    SchedContext& context = *thread.context_;
    context.cpu_time_.store(context.cpu_time() + time, std::memory_order_relaxed);
    context.threads_.group->charge(context.threads_, time);
    SchedContext* owner = context.threads_.group->owner();
    return owner ? charge_containers(*owner, time, now) : time;
  }
  // charge(), and where quotas are concerned all that run under the same ones, so that their ends are seen.
  Nanoseconds charge_and_check_quotas(unsigned cpu, Nanoseconds now);
  // When the thread that runs there must be looked at again for its quotas' sake.
  Nanoseconds quota_deadline(unsigned cpu, Nanoseconds now) const {
    return limited_contexts_ ? find_quota_deadline(cpu, now) : never;
  }
  const Thread* running_on(unsigned cpu) const { return running_on_[cpu]; }

  // --- stopping ------------------------------------------------------------------------------------------------------
  void stop(SchedContext& context, SchedContext::StopReason reason, Nanoseconds now);
  void resume(SchedContext& context, SchedContext::StopReason reason, Nanoseconds now);
  // The nearest context on whose account the thread may not run; null: it may.
  SchedContext* stopped_at(const Thread& thread) const { return stopped_contexts_ ? find_stopped(thread) : nullptr; }
  void hold(Thread& thread, SchedContext& at);  // neither queued nor running: stopped
  static bool is_held(const Thread& thread) { return thread.held_.load(std::memory_order_relaxed); }
  void release(Thread& thread);                 // stopped -> queued, whatever stopped it
  // Ends what waits for the end of its period, if that has come. When it comes next: next_refill(), without the lock.
  void refill(Nanoseconds now);
  Nanoseconds next_refill() const { return next_refill_.load(std::memory_order_relaxed); }
  // The processors whose threads shall reschedule: those that stop() and the like found.
  arch::CpuSet take_interrupts() { return std::exchange(interrupts_, 0); }

  // True: threads have been released since the last call, without anybody being told.
  bool take_released() { return std::exchange(released_, false); }

  // --- changes -------------------------------------------------------------------------------------------------------
  void attach(SchedContext& context, SchedContext* parent);
  void detach(SchedContext& context);  // it has no threads and no children
  void move(Thread& thread, SchedContext& to, Nanoseconds now);
  void set_policy(SchedContext& context, Own<Policy>& policy);  // swapped for the old one
  void set_quota(SchedContext& context, Quota quota, Nanoseconds now);
  // Calls change(), with the thread out of its queue if it is in it, and back at its place afterwards.
  template <class Change>
  void change(Thread& thread, Change change) {
    const bool queued = is_queued(thread);
    if (queued) dequeue(thread);
    change();
    if (queued) enqueue(thread, Policy::Why::changed);
  }
  static bool is_queued(const Thread& thread) { return thread.state() == Thread::State::runnable && !is_held(thread); }

 private:
  friend class SchedContext;
  // The share of which `share` is a part; null: it is in the root group.
  static Share* above(const Share& share) {
    SchedContext* owner = share.group->owner();
    return owner ? &owner->share_ : nullptr;
  }
  static SchedContext* above(const SchedContext& context) { return context.share_.group ? context.share_.group->owner() : nullptr; }
  static bool is_or_is_below(const SchedContext& context, const SchedContext& other);
  // One thread of the context more, or less, wants a processor or has one.
  static void activate(SchedContext& context) {
    for (Share* share = &context.threads_; share && share->active++ == 0; share = above(*share)) share->group->come_back(*share);
  }
  static void deactivate(SchedContext& context) {
    for (Share* share = &context.threads_; share && --share->active == 0; share = above(*share)) {
    }
  }
  void put_into_queue(Thread& thread, Policy::Why why);
  void count_dequeued() { queued_.store(queued_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed); }
  Share* find(arch::CpuSet cpus);
  Thread* take_next(arch::CpuSet cpus);
  void begin_running(Thread& thread, unsigned cpu, Nanoseconds now) {
    SchedContext& context = *thread.context_;
    count_dequeued();
    running_.store(running() + 1, std::memory_order_relaxed);
    ++context.running_;
    running_on_[cpu] = &thread;
    thread.state_.store(Thread::State::running, std::memory_order_release);
    thread.cpu_ = cpu;
    thread.accounted_until_.store(now, std::memory_order_relaxed);
    ++context.decisions_;
    thread.decisions_.store(thread.decisions() + 1, std::memory_order_relaxed);
    if (context.log_) [[unlikely]] log_decision(context, thread, {now, 0, cpu});
  }
  void forget_running(unsigned cpu) {
    --running_on_[cpu]->context_->running_;
    running_.store(running() - 1, std::memory_order_relaxed);
    running_on_[cpu] = nullptr;
  }
  unsigned find_cpu_to_preempt(const Thread& woken) const;
  Nanoseconds find_quota_deadline(unsigned cpu, Nanoseconds now) const;
  SchedContext* find_stopped(const Thread& thread) const;
  void begin_period(SchedContext& context, Nanoseconds now) const;
  // For the container and those above it; the time again.
  [[gnu::noinline]] Nanoseconds charge_containers(SchedContext& lowest, Nanoseconds time, Nanoseconds now);
  [[gnu::noinline, clang::preserve_most]] void use_up(SchedContext& context, Nanoseconds time, Nanoseconds now);
  [[gnu::noinline, clang::preserve_most]] static void log_decision(SchedContext& context, Thread& thread, Decision decision);
  arch::CpuSet cpus_running(const SchedContext& context) const;

  struct ByPeriodEnd {
    Nanoseconds operator()(const SchedContext& context) const { return context.period_end_; }
  };

  ShareGroup root_{nullptr, 0};
  Tree<SchedContext, &SchedContext::refill_node_, ByPeriodEnd> throttled_;
  std::atomic<Nanoseconds> next_refill_{never};
  std::atomic<unsigned> queued_{0}, running_{0};
  unsigned stopped_contexts_ = 0, limited_contexts_ = 0;
  std::uint32_t last_policy_ = 0;
  arch::CpuSet interrupts_ = 0;
  bool released_ = false;
  Thread* running_on_[arch::max_cpus] = {};
};

}  // namespace cv6
