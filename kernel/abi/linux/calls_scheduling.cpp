// sched_yield(2), sched_setaffinity(2), sched_setscheduler(2), getpriority(2), getcpu(2).
//
// Which process of a container runs next is decided by the container's own policy, so for programs there is one
// scheduling policy only, SCHED_OTHER.
#include <algorithm>

#include "abi/linux/handlers.hpp"
#include "abi/linux/times.hpp"
#include "abi/support.hpp"
#include "sched/scheduler.hpp"
#include "task/identity.hpp"
#include "task/process_tree.hpp"

namespace cv6::linux_abi {
namespace {

constexpr int sched_other = 0, sched_fifo = 1, sched_rr = 2, sched_batch = 3, sched_idle = 5, sched_deadline = 6;

// Null never; 0 is the caller.
Result<Ref<UserThread>> thread_named(Context& context, int tid) {
  if (tid < 0) return Error::inval;
  if (tid == 0) return Ref<UserThread>(&context.thread);
  return find_thread(context.container, tid);
}

Result<void> check_may_schedule(Context& context, UserThread& thread) {
  const Credentials& own = context.process.credentials();
  const Ref<const Credentials> others = thread.process().hold_credentials();
  if (!others) return Error::srch;
  const std::uint32_t user = own.ids().effective_user;
  if (!own.privileged() && user != others->ids().user && user != others->ids().effective_user) return Error::perm;
  return {};
}

Result<long> set_policy(Context& context, int tid, int policy, UserPtr<SchedParam> parameter) {
  const int priority = TRY(parameter.read()).sched_priority;
  const Ref<UserThread> thread = TRY(thread_named(context, tid));
  TRY(check_may_schedule(context, *thread));
  if (policy == sched_fifo || policy == sched_rr) return context.process.credentials().privileged() ? Error::inval : Error::perm;
  if (policy != sched_other || priority != 0) return Error::inval;
  return 0;
}

constexpr Result<long> priority_limit(int policy, long real_time) {
  switch (policy) {
    case sched_fifo:
    case sched_rr: return real_time;
    case sched_other:
    case sched_batch:
    case sched_idle:
    case sched_deadline: return 0;
    default: return Error::inval;
  }
}

Result<PriorityOf> priority_of(int kind) {
  if (kind < 0 || kind > 2) return Error::inval;
  return static_cast<PriorityOf>(kind);  // PRIO_PROCESS, PRIO_PGRP, PRIO_USER
}

arch::CpuSet online() { return ~arch::CpuSet{0} >> (arch::max_cpus - arch::cpu_count()); }

}  // namespace

Result<long> sys_sched_yield(Context&) {
  sched::yield();
  return 0;
}

Result<long> sys_sched_setaffinity(Context& context, int tid, unsigned size, UserBytes mask) {
  arch::CpuSet wanted = 0;
  if (arch::copy_from_user(&wanted, mask.address(), std::min<std::size_t>(size, sizeof wanted)) != 0) return Error::fault;
  const Ref<UserThread> thread = TRY(thread_named(context, tid));
  TRY(check_may_schedule(context, *thread));
  wanted &= online();
  if (wanted == 0) return Error::inval;
  thread->set_affinity(wanted);
  // Off a processor that it may not use any more, before the program goes on.
  if (thread == &context.thread && !(wanted & arch::cpu_bit(arch::cpu_index()))) sched::yield();
  return 0;
}

Result<long> sys_sched_getaffinity(Context& context, int tid, unsigned size, UserBytes mask) {
  if (size * 8 < arch::cpu_count() || size % sizeof(long) != 0) return Error::inval;
  const Ref<UserThread> thread = TRY(thread_named(context, tid));
  const arch::CpuSet set = thread->affinity() & online();
  const std::size_t written = std::min<std::size_t>(size, sizeof set);
  if (arch::copy_to_user(mask.address(), &set, written) != 0) return Error::fault;
  return static_cast<long>(written);
}

Result<long> sys_sched_setparam(Context& context, int tid, UserPtr<SchedParam> parameter) {
  return set_policy(context, tid, sched_other, parameter);
}

Result<long> sys_sched_setscheduler(Context& context, int tid, int policy, UserPtr<SchedParam> parameter) {
  constexpr int reset_on_fork = 0x40000000;  // children are SCHED_OTHER in any case
  return set_policy(context, tid, policy & ~reset_on_fork, parameter);
}

Result<long> sys_sched_getparam(Context& context, int tid, UserPtr<SchedParam> parameter) {
  if (!parameter) return Error::inval;
  TRY(thread_named(context, tid));
  TRY(parameter.write({0}));
  return 0;
}

Result<long> sys_sched_getscheduler(Context& context, int tid) {
  TRY(thread_named(context, tid));
  return sched_other;
}

Result<long> sys_sched_get_priority_max(Context&, int policy) { return priority_limit(policy, 99); }
Result<long> sys_sched_get_priority_min(Context&, int policy) { return priority_limit(policy, 1); }

Result<long> sys_sched_rr_get_interval(Context& context, int tid, UserPtr<Timespec> interval) {
  TRY(thread_named(context, tid));
  TRY(interval.write(timespec_of(sched::slice)));
  return 0;
}

// The result is 20 - nice, so that it is never negative: getpriority(2), "C library/kernel differences".
Result<long> sys_getpriority(Context& context, int kind, int who) {
  return 20 - TRY(priority(context.process, TRY(priority_of(kind)), who));
}

Result<long> sys_setpriority(Context& context, int kind, int who, int nice) {
  TRY(set_priority(context.process, TRY(priority_of(kind)), who, std::clamp(nice, -20, 19)));
  return 0;
}

Result<long> sys_getcpu(Context&, UserPtr<unsigned> cpu, UserPtr<unsigned> node) {
  TRY(cpu.write_if_wanted(arch::cpu_index()));
  TRY(node.write_if_wanted(0));
  return 0;
}

}  // namespace cv6::linux_abi
