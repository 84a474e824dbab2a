// What others change about threads and containers while they run.
#include "arch/clock.hpp"
#include "sched/scheduler_core.hpp"

namespace cv6 {

// --- threads ---------------------------------------------------------------------------------------------------------

void Scheduler::move(Thread& thread, SchedContext& to) {
  change([&](RunQueues& queues, Nanoseconds now) { queues.move(thread, to, now); });
}

void Scheduler::set_affinity(Thread& thread, arch::CpuSet cpus) {
  const arch::CpuSet online = ~arch::CpuSet{0} >> (arch::max_cpus - arch::cpu_count());
  if ((cpus & online) == online) cpus = all_cpus;
  SpinGuard guard(lock_);  // before the look at the state: somebody may be starting it
  if (thread.state() == Thread::State::created) return thread.affinity_.store(cpus, std::memory_order_relaxed);
  queues_.change(thread, [&] { thread.affinity_.store(cpus, std::memory_order_relaxed); });
  if (thread.state() == Thread::State::running && !(cpus & arch::cpu_bit(thread.cpu_)) && &thread != &sched::current())
    interrupt_cpus(arch::cpu_bit(thread.cpu_));
  if (RunQueues::is_queued(thread)) end_sleep(claim_idle_cpu(thread));
}

void Scheduler::set_nice(Thread& thread, int nice) {
  SpinGuard guard(lock_);
  if (thread.state() == Thread::State::created) return thread.nice_.store(static_cast<std::int8_t>(nice), std::memory_order_relaxed);
  queues_.change(thread, [&] { thread.nice_.store(static_cast<std::int8_t>(nice), std::memory_order_relaxed); });
}

void Scheduler::release_stopped(Thread& thread) {
  change([&](RunQueues& queues, Nanoseconds) {
    if (thread.held_.load(std::memory_order_relaxed)) queues.release(thread);
  });
}

void Thread::set_affinity(arch::CpuSet cpus) {
  scheduler.set_affinity(*this, cpus);
  if (this == &sched::current() && !(cpus & arch::cpu_bit(arch::cpu_index()))) sched::yield();
}

void Thread::set_nice(int nice) { scheduler.set_nice(*this, nice); }

namespace sched {

void move(Thread& thread, SchedContext& to) { scheduler.move(thread, to); }
void release_stopped(Thread& thread) { scheduler.release_stopped(thread); }

}  // namespace sched

// --- containers ------------------------------------------------------------------------------------------------------

namespace {

bool is_valid_weight(std::uint32_t weight) { return weight >= 1 && weight <= Share::most_weight; }

// A container's seed is known, so that its lots can be drawn again.
std::uint64_t chosen_seed(std::uint64_t wanted) { return wanted ? wanted : arch::entropy() | 1; }

}  // namespace

SchedContext::SchedContext(SchedContext* parent, Own<Policy> policy)
    : policy_(std::move(policy)),
      group_(this, parent ? parent->threads_.group->depth() + 1 : 0),
      threads_(this, nullptr),
      share_(this, &group_) {}

Result<Own<SchedContext>> SchedContext::create(SchedContext* parent, const SchedSettings& settings) {
  const PolicyKind* kind = settings.policy.empty() ? &policy_kinds().front() : find_policy(settings.policy);
  if (!kind || !is_valid_weight(settings.weight) || !settings.quota.valid()) return Error::inval;
  if (!parent && settings.quota.limited()) return Error::inval;
  const std::uint64_t seed = chosen_seed(settings.seed);
  Own<Policy> policy = kind->create(seed);
  if (!policy) return Error::nomem;
  Own<SchedContext> context(new (std::nothrow) SchedContext(parent, std::move(policy)));
  if (!context) return Error::nomem;
  context->policy_kind_ = kind;
  context->seed_ = seed;
  context->share_.set_weight(settings.weight);
  scheduler.change([&](RunQueues& queues, Nanoseconds now) {
    queues.attach(*context, parent);
    queues.set_quota(*context, settings.quota, now);
  });
  return context;
}

SchedContext::~SchedContext() {
  scheduler.change([&](RunQueues& queues, Nanoseconds) { queues.detach(*this); });
}

Result<void> SchedContext::set_weight(std::uint32_t weight) {
  if (!is_valid_weight(weight)) return Error::inval;
  scheduler.change([&](RunQueues&, Nanoseconds) { share_.set_weight(weight); });
  return {};
}

Result<void> SchedContext::set_quota(Quota quota) {
  if (!quota.valid() || (quota.limited() && !share_.group)) return Error::inval;
  scheduler.change([&](RunQueues& queues, Nanoseconds now) { queues.set_quota(*this, quota, now); });
  return {};
}

Result<void> SchedContext::set_policy(std::string_view name, std::uint64_t wanted_seed) {
  const PolicyKind* kind = find_policy(name);
  if (!kind) return Error::inval;
  const std::uint64_t seed = chosen_seed(wanted_seed);
  Own<Policy> policy = kind->create(seed);
  if (!policy) return Error::nomem;
  scheduler.change([&](RunQueues& queues, Nanoseconds) {
    queues.set_policy(*this, policy);
    policy_kind_ = kind;
    seed_ = seed;
  });
  return {};  // the old policy goes, without the lock
}

void SchedContext::freeze() {
  scheduler.change([&](RunQueues& queues, Nanoseconds now) { queues.stop(*this, by_freeze, now); });
}

void SchedContext::thaw() {
  scheduler.change([&](RunQueues& queues, Nanoseconds now) { queues.resume(*this, by_freeze, now); });
}

SchedStatistics SchedContext::statistics() const {
  SchedStatistics all;
  scheduler.change([&](RunQueues&, Nanoseconds now) {
    const std::uint8_t stopped_by = stopped_by_.load(std::memory_order_relaxed);
    const bool throttled = (stopped_by & by_quota) != 0;
    all = {.policy = policy_kind_->name,
           .seed = seed_,
           .weight = share_.weight,
           .quota = quota_,
           .frozen = (stopped_by & by_freeze) != 0,
           .throttled = throttled,
           .running = running_,
           .queued = threads_.active - running_,
           .stopped = stopped_count_,
           .cpu_time = cpu_time(),
           .total_cpu_time = share_.group ? total_time_ : cpu_time(),
           .decisions = decisions_,
           .throttled_count = throttled_count_,
           .throttled_time = throttled_time_ + (throttled ? now - throttled_since_ : 0),
           .logging = logging(),
           .lost_decisions = log_ ? log_->lost() : 0};
  });
  return all;
}

Result<void> SchedContext::start_log() {
  Own<DecisionLog> log(new (std::nothrow) DecisionLog);
  if (!log) return Error::nomem;
  scheduler.change([&](RunQueues&, Nanoseconds) {
    if (!logging()) std::swap(log_, log);
    logging_.store(true, std::memory_order_relaxed);
  });
  return {};
}

void SchedContext::stop_log() {
  scheduler.change([&](RunQueues&, Nanoseconds) { logging_.store(false, std::memory_order_relaxed); });
}

bool SchedContext::take_decision(Decision& decision) {
  bool taken = false;
  scheduler.change([&](RunQueues&, Nanoseconds) { taken = log_ && log_->take(decision); });
  return taken;
}

}  // namespace cv6
