#include "sched/run_queues.hpp"

#include "arch/clock.hpp"
#include "lib/panic.hpp"

namespace cv6 {

bool RunQueues::is_or_is_below(const SchedContext& context, const SchedContext& other) {
  for (const SchedContext* at = &context; at; at = above(*at))
    if (at == &other) return true;
  return false;
}

// --- queues ----------------------------------------------------------------------------------------------------------

void RunQueues::put_into_queue(Thread& thread, Policy::Why why) {
  SchedContext& context = *thread.context_;
  Policy& policy = *context.policy_;
  thread.state_.store(Thread::State::runnable, std::memory_order_release);
  if (thread.policy_serial_ != policy.serial) {
    thread.policy_serial_ = policy.serial;
    why = Policy::Why::started;
  }
  policy.enqueue(thread, why);
  const arch::CpuSet cpus = thread.affinity();
  for (Share* share = &context.threads_; share && cpus & ~share->cpus; share = above(*share))
    share->group->set_cpus(*share, share->cpus | cpus);
  queued_.fetch_add(1, std::memory_order_seq_cst);  // before the waker's look at who is idle
}

void RunQueues::enqueue(Thread& thread, Policy::Why why) {
  activate(*thread.context_);
  put_into_queue(thread, why);
}

void RunQueues::dequeue(Thread& thread) {
  thread.context_->policy_->remove(thread);
  count_dequeued();
  deactivate(*thread.context_);
}

// Down to the threads of a context, or to where nothing is inside after all.
Share* RunQueues::find(arch::CpuSet cpus) {
  Share* share = root_.choose(cpus);
  while (share && share->inside) {
    Share* inner = share->inside->choose(cpus);
    if (!inner) break;
    share = inner;
  }
  return share;
}

Thread* RunQueues::take_next(arch::CpuSet cpus) {
  while (Share* share = find(cpus)) {
    if (!share->inside)
      if (Thread* thread = share->context->policy_->take(cpus)) return thread;
    // What there really is.
    share->group->set_cpus(*share, share->inside ? share->inside->cpus() : share->context->policy_->cpus());
  }
  return nullptr;
}

void RunQueues::log_decision(SchedContext& context, Thread& thread, Decision decision) {
  if (!context.logging() || thread.reports_decisions) return;
  decision.process = thread.number_for_log();
  context.log_->add(decision);
  thread.decision_was_logged();
}

unsigned RunQueues::find_cpu_to_preempt(const Thread& woken) const {
  const SchedContext& context = *woken.context_;
  const Policy& policy = *context.policy_;
  const Thread* worst_here = nullptr;  // of the same container
  unsigned worst = no_cpu;
  std::uint64_t worst_lead = 0;
  Nanoseconds now = 0;  // looked at where it is needed: within a container it is not
  const unsigned count = arch::cpu_count();
  for (unsigned cpu = 0; cpu < count; ++cpu) {
    const Thread* running = running_on_[cpu];
    if (!running || !(woken.affinity() & arch::cpu_bit(cpu))) continue;
    if (running->context_ == &context) {
      if (policy.preempts(woken, *running) && (!worst_here || policy.preempts(*worst_here, *running))) worst_here = running;
      continue;
    }
    if (now == 0) now = arch::monotonic_now();
    // The shares of the two in the group where they compete.
    const Share *theirs = &running->context_->threads_, *ours = &context.threads_;
    while (theirs->group != ours->group) {
      const Share*& deeper = theirs->group->depth() > ours->group->depth() ? theirs : ours;
      deeper = &deeper->group->owner()->share_;
    }
    const Nanoseconds uncharged = now - running->accounted_until_.load(std::memory_order_relaxed);
    const std::uint64_t reached = theirs->virtual_time + theirs->virtual_of(uncharged > 0 ? uncharged : 0);
    // Less than what it would run in a millisecond is not worth a switch.
    const std::uint64_t enough = ours->virtual_time + ours->virtual_of(nanoseconds_per_millisecond);
    if (reached <= enough || reached - enough <= worst_lead) continue;
    worst = cpu;
    worst_lead = reached - enough;
  }
  return worst_here ? worst_here->cpu_ : worst;
}

// --- who runs --------------------------------------------------------------------------------------------------------

Nanoseconds RunQueues::charge_containers(SchedContext& lowest, Nanoseconds time, Nanoseconds now) {
  for (SchedContext* context = &lowest; context; context = above(*context)) {
    context->total_time_ += time;
    if (context->quota_.limited()) use_up(*context, time, now);
    context->share_.group->charge(context->share_, time);
  }
  return time;
}

Nanoseconds RunQueues::charge_and_check_quotas(unsigned cpu, Nanoseconds now) {
  const Nanoseconds time = charge(cpu, now);
  if (limited_contexts_ == 0) return time;
  for (const SchedContext* at = running_on_[cpu]->context_; at; at = above(*at)) {
    if (!at->quota_.limited()) continue;
    for (arch::CpuSet others = cpus_running(*at) & ~arch::cpu_bit(cpu); others; others &= others - 1)
      charge(static_cast<unsigned>(__builtin_ctzll(others)), now);
  }
  return time;
}

Nanoseconds RunQueues::find_quota_deadline(unsigned cpu, Nanoseconds now) const {
  constexpr Nanoseconds shortest = nanoseconds_per_millisecond / 10;
  Nanoseconds left = never;
  for (const SchedContext* at = running_on_[cpu]->context_; at; at = above(*at)) {
    if (!at->quota_.limited() || at->stopped_by_ & SchedContext::by_quota) continue;
    // The others that run under it use it up as well.
    const Nanoseconds own = at->budget_ / __builtin_popcountll(cpus_running(*at));
    if (own < left) left = own;
  }
  if (left == never) return never;
  return now + (left > shortest ? left : shortest);
}

arch::CpuSet RunQueues::cpus_running(const SchedContext& context) const {
  arch::CpuSet found = 0;
  const unsigned count = arch::cpu_count();
  for (unsigned cpu = 0; cpu < count; ++cpu)
    if (running_on_[cpu] && is_or_is_below(*running_on_[cpu]->context_, context)) found |= arch::cpu_bit(cpu);
  return found;
}

// --- quotas ----------------------------------------------------------------------------------------------------------

// The quotas of the periods that have begun by now are there to be used.
void RunQueues::begin_period(SchedContext& context, Nanoseconds now) const {
  if (now < context.period_end_) return;
  const Nanoseconds periods = (now - context.period_end_) / context.quota_.period + 1;
  context.period_end_ += periods * context.quota_.period;
  // More than one is never there; a debt that is greater than all of them stays.
  const Nanoseconds missing = context.quota_.time - context.budget_;
  context.budget_ += missing / context.quota_.time >= periods ? periods * context.quota_.time : missing;
}

void RunQueues::use_up(SchedContext& context, Nanoseconds time, Nanoseconds now) {
  // What the last moments of a period were used for is its own: the new one's is filled up after it.
  context.budget_ -= time;
  if (!(context.stopped_by_ & SchedContext::by_quota)) begin_period(context, now);
  if (context.budget_ <= 0) stop(context, SchedContext::by_quota, now);
}

void RunQueues::refill(Nanoseconds now) {
  while (SchedContext* context = throttled_.first()) {
    if (context->period_end_ > now) break;
    throttled_.remove(*context);
    begin_period(*context, now);
    if (context->budget_ > 0)
      resume(*context, SchedContext::by_quota, now);
    else
      throttled_.insert(*context);
  }
  const SchedContext* first = throttled_.first();
  next_refill_.store(first ? first->period_end_ : never, std::memory_order_relaxed);
}

// --- stopping --------------------------------------------------------------------------------------------------------

void RunQueues::stop(SchedContext& context, SchedContext::StopReason reason, Nanoseconds now) {
  const std::uint8_t before = context.stopped_by_.load(std::memory_order_relaxed);
  if (before & reason) return;
  context.stopped_by_.store(before | reason, std::memory_order_relaxed);
  if (reason == SchedContext::by_quota) {
    throttled_.insert(context);
    next_refill_.store(throttled_.first()->period_end_, std::memory_order_relaxed);
    ++context.throttled_count_;
    context.throttled_since_ = now;
  }
  if (!before) ++stopped_contexts_;
  interrupts_ |= cpus_running(context);
}

void RunQueues::resume(SchedContext& context, SchedContext::StopReason reason, Nanoseconds now) {
  const std::uint8_t before = context.stopped_by_.load(std::memory_order_relaxed);
  if (!(before & reason)) return;
  context.stopped_by_.store(before & ~reason, std::memory_order_relaxed);
  if (reason == SchedContext::by_quota) {
    throttled_.remove(context);
    context.throttled_time_ += now - context.throttled_since_;
  }
  if (before != reason) return;
  --stopped_contexts_;
  while (Thread* thread = context.stopped_threads_.front()) release(*thread);
}

SchedContext* RunQueues::find_stopped(const Thread& thread) const {
  for (SchedContext* at = thread.context_; at; at = above(*at))
    if (at->stopped_by_.load(std::memory_order_relaxed)) return at;
  return nullptr;
}

void RunQueues::hold(Thread& thread, SchedContext& at) {
  thread.state_.store(Thread::State::runnable, std::memory_order_release);
  thread.held_.store(true, std::memory_order_relaxed);
  at.stopped_threads_.push_back(thread);
  ++thread.context_->stopped_count_;
}

void RunQueues::release(Thread& thread) {
  List<Thread, &Thread::queue_node>::remove(thread);
  --thread.context_->stopped_count_;
  thread.held_.store(false, std::memory_order_relaxed);
  released_ = true;
  enqueue(thread, Policy::Why::preempted);
}

// --- changes ---------------------------------------------------------------------------------------------------------

void RunQueues::attach(SchedContext& context, SchedContext* parent) {
  context.policy_->serial = ++last_policy_;
  context.threads_.group = parent ? &context.group_ : &root_;
  if (!parent) return;
  context.share_.group = parent->threads_.group;
  context.share_.virtual_time = context.share_.group->floor();
}

void RunQueues::detach(SchedContext& context) {
  if (context.quota_.limited()) set_quota(context, Quota{}, context.throttled_since_);
  if (context.frozen()) resume(context, SchedContext::by_freeze, 0);
  context.threads_.group->set_cpus(context.threads_, 0);
  if (context.share_.group) context.share_.group->set_cpus(context.share_, 0);
}

void RunQueues::move(Thread& thread, SchedContext& to, Nanoseconds now) {
  SchedContext& from = *thread.context_;
  if (&from == &to) return;
  if (thread.held_) release(thread);
  switch (thread.state()) {
    case Thread::State::running:
      charge(thread.cpu_, now);
      activate(to);
      deactivate(from);
      ++to.running_;
      --from.running_;
      thread.context_ = &to;
      // It was chosen on the other's account: whose turn it is now is to be decided anew.
      if (queued() != 0 || stopped_at(thread)) interrupts_ |= arch::cpu_bit(thread.cpu_);
      break;
    case Thread::State::runnable:
      dequeue(thread);
      thread.context_ = &to;
      enqueue(thread, Policy::Why::woken);
      break;
    default: thread.context_ = &to;
  }
}

void RunQueues::set_policy(SchedContext& context, Own<Policy>& policy) {
  policy->serial = ++last_policy_;
  std::swap(context.policy_, policy);
  while (Thread* thread = policy->take(all_cpus)) {
    thread->policy_serial_ = context.policy_->serial;
    context.policy_->enqueue(*thread, Policy::Why::started);
  }
}

void RunQueues::set_quota(SchedContext& context, Quota quota, Nanoseconds now) {
  if (context.quota_.limited()) {
    resume(context, SchedContext::by_quota, now);
    --limited_contexts_;
  }
  context.quota_ = quota;
  if (quota.limited()) {
    ++limited_contexts_;
    context.budget_ = quota.time;
    context.period_end_ = now + quota.period;
    interrupts_ |= cpus_running(context);  // their timers are set for longer than it may last
  }
  const SchedContext* first = throttled_.first();
  next_refill_.store(first ? first->period_end_ : never, std::memory_order_relaxed);
}

}  // namespace cv6
