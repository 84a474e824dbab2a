// How a container is scheduled: its settings, its processes as its virtual scheduler sees them, its decisions.
#include <algorithm>
#include <cstring>

#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "task/process_info.hpp"
#include "task/process_tree.hpp"
#include "task/scheduler_log.hpp"

namespace cv6::linux_abi {

namespace {

constexpr Nanoseconds nanoseconds_per_microsecond = 1000;

Result<Quota> quota_of(const ContainerScheduling& wanted) {
  constexpr std::uint64_t most = 1'000'000'000;  // far more than is valid; so that nothing overflows
  if (wanted.period > most) return Error::inval;
  Quota quota;
  quota.period = static_cast<Nanoseconds>(wanted.period) * nanoseconds_per_microsecond;
  if (wanted.quota != ContainerScheduling::unlimited) {
    if (wanted.quota > most) return Error::inval;
    quota.time = static_cast<Nanoseconds>(wanted.quota) * nanoseconds_per_microsecond;
  }
  if (!quota.valid()) return Error::inval;
  return quota;
}

Result<void> change(Context& context, Container& container, const ContainerScheduling& wanted) {
  using Scheduling = ContainerScheduling;
  SchedContext& scheduling = container.sched_context();
  const SchedSettings settings = TRY(sched_settings_of(wanted));  // all is looked at before anything is changed
  Ref<File> log_to;
  if (wanted.change & Scheduling::set_log && wanted.log && wanted.log_to >= 0) {
    log_to = TRY(context.process.files().get(wanted.log_to));
    if (!log_to->writable()) return Error::badf;
  }
  if (wanted.change & Scheduling::set_policy) TRY(scheduling.set_policy(settings.policy, settings.seed));
  if (wanted.change & Scheduling::set_log) {
    if (wanted.log)
      TRY(start_scheduler_log(container, std::move(log_to)));
    else
      stop_scheduler_log(container);
  }
  if (wanted.change & Scheduling::set_weight) TRY(scheduling.set_weight(settings.weight));
  if (wanted.change & Scheduling::set_quota) TRY(scheduling.set_quota(settings.quota));
  if (wanted.change & Scheduling::set_frozen) wanted.frozen ? scheduling.freeze() : scheduling.thaw();
  return {};
}

ContainerScheduling describe(Container& container) {
  const SchedStatistics now = container.sched_context().statistics();
  ContainerScheduling answer{};
  answer.id = container.id();
  std::memcpy(answer.policy, now.policy.data(), std::min(now.policy.size(), sizeof answer.policy - 1));
  answer.seed = now.seed;
  answer.weight = now.weight;
  answer.frozen = now.frozen;
  answer.quota = now.quota.limited() ? static_cast<std::uint64_t>(now.quota.time / nanoseconds_per_microsecond)
                                     : ContainerScheduling::unlimited;
  answer.period = static_cast<std::uint64_t>(now.quota.period / nanoseconds_per_microsecond);
  answer.log = now.logging;
  answer.log_to = -1;
  answer.throttled = now.throttled;
  answer.running = now.running;
  answer.queued = now.queued;
  answer.stopped = now.stopped;
  answer.cpu_time = static_cast<std::uint64_t>(now.cpu_time);
  answer.total_cpu_time = static_cast<std::uint64_t>(now.total_cpu_time);
  answer.decisions = now.decisions;
  answer.lost_decisions = now.lost_decisions;
  answer.throttled_count = now.throttled_count;
  answer.throttled_time = static_cast<std::uint64_t>(now.throttled_time);
  return answer;
}

ContainerProcess::State number_of(VirtualState state) {
  switch (state) {
    case VirtualState::running: return ContainerProcess::v_running;
    case VirtualState::runnable: return ContainerProcess::v_runnable;
    case VirtualState::waiting: break;
  }
  return ContainerProcess::v_waiting;
}

ContainerProcess describe(Process& process, const Container& viewer) {
  const ProcessInfo info = process_info(process, viewer);
  ContainerProcess answer{};
  answer.id = info.container;
  answer.number = info.number;
  answer.number_inside = process.number();
  answer.v_state = number_of(info.virtual_state);
  answer.nice = info.nice;
  answer.threads = info.threads;
  answer.cpu = info.cpu;
  answer.cpu_time = static_cast<std::uint64_t>(info.usage.user_time + info.usage.system_time);
  process.for_each_thread([&](UserThread& thread) { answer.decisions += thread.decisions(); });
  const std::string_view name = info.name;
  std::memcpy(answer.name, name.data(), std::min(name.size(), sizeof answer.name - 1));
  return answer;
}

}  // namespace

Result<SchedSettings> sched_settings_of(const ContainerScheduling& wanted) {
  using Scheduling = ContainerScheduling;
  SchedSettings settings;
  if (wanted.change & Scheduling::set_policy) {
    const std::string_view field(wanted.policy, sizeof wanted.policy);
    const PolicyKind* kind = find_policy(field.substr(0, field.find('\0')));
    if (!kind) return Error::inval;
    settings.policy = kind->name;
    settings.seed = wanted.seed;
  }
  if (wanted.change & Scheduling::set_weight) settings.weight = wanted.weight;
  if (settings.weight < 1 || settings.weight > Share::most_weight) return Error::inval;
  if (wanted.change & Scheduling::set_quota) settings.quota = TRY(quota_of(wanted));
  return settings;
}

Result<long> sys_container_scheduling(Context& context, UserPtr<ContainerScheduling> pointer, std::size_t size) {
  const ContainerScheduling wanted = TRY(read_extensible(pointer, size, sizeof(ContainerScheduling)));
  const Ref<Container> container = TRY(find_container(context, wanted.id));
  if (wanted.change & ~ContainerScheduling::all_changes) return Error::inval;
  if (wanted.change) {
    TRY(check_may_manage(context));
    TRY(change(context, *container, wanted));
  }
  TRY(pointer.write(describe(*container)));
  return 0;
}

Result<long> sys_container_process(Context& context, UserPtr<ContainerProcess> pointer, std::size_t size) {
  const ContainerProcess wanted = TRY(read_extensible(pointer, size, sizeof(ContainerProcess)));
  const Ref<Container> container = TRY(find_container(context, wanted.id));
  for (int at = wanted.after; Ref<Process> process = next_process(context.container, at);) {
    if (&process->container() != container.get()) continue;
    TRY(pointer.write(describe(*process, context.container)));
    return 0;
  }
  return Error::srch;
}

Result<long> sys_container_decisions(Context& context, int id, UserPtr<ContainerDecision> to, unsigned count) {
  const Ref<Container> container = TRY(find_to_manage(context, id));
  Decision decision;
  unsigned taken = 0;
  for (; taken < count && container->sched_context().take_decision(decision); ++taken)
    TRY((to + taken).write({static_cast<std::uint64_t>(decision.time), decision.process, decision.cpu}));
  return taken;
}

}  // namespace cv6::linux_abi
