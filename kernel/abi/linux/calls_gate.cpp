// cv6's own calls on the system-call gate of containers (user/include/cv6/gate.hpp).
//
// Who may: a privileged process above the container everything; a privileged one inside can make its own container's rules
// stricter, for good. The host has no gate: nobody is above it.
#include <algorithm>

#include "abi/call_log_file.hpp"
#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/supervisor_file.hpp"
#include "abi/support.hpp"

namespace cv6::linux_abi {
namespace {

template <class T, std::size_t size>
void copy_words(T (&to)[size], const CallSet::Words& from) {
  static_assert(size == std::tuple_size_v<CallSet::Words>);
  std::ranges::copy(from, to);
}

Result<CallRules> rules_from(const ContainerPolicy& policy) {
  CallRules rules;
  std::ranges::copy(policy.denied, rules.denied.begin());
  std::ranges::copy(policy.fatal, rules.fatal.begin());
  std::ranges::copy(policy.supervised, rules.supervised.begin());
  if (without(rules.fatal, rules.denied) != CallSet::Words{}) return Error::inval;
  return rules;
}

Result<long> show_policy(UserPtr<ContainerPolicy> pointer, std::size_t size, ContainerPolicy policy, Container& container) {
  const ContainerManager::CallRulesOf both = ContainerManager::call_rules(container);
  const CallRules& rules = policy.operation == ContainerPolicy::get_own ? both.own : both.effective;
  copy_words(policy.denied, rules.denied);
  copy_words(policy.fatal, rules.fatal);
  copy_words(policy.supervised, rules.supervised);
  TRY(write_extensible(pointer, policy, size));
  return 0;
}

Result<ContainerManager::RuleChange> change_from(std::uint32_t operation) {
  switch (operation) {
    case ContainerPolicy::replace: return ContainerManager::RuleChange::replace;
    case ContainerPolicy::tighten: return ContainerManager::RuleChange::tighten;
    case ContainerPolicy::loosen: return ContainerManager::RuleChange::loosen;
    default: return Error::inval;
  }
}

Result<CallLog::Settings> log_settings_from(const ContainerLog& wanted) {
  static_assert(ContainerLog::counts == CallLog::counts && ContainerLog::records == CallLog::records &&
                ContainerLog::texts == CallLog::texts);
  if (wanted.what & ~(ContainerLog::counts | ContainerLog::records | ContainerLog::texts)) return Error::inval;
  return CallLog::Settings{wanted.what, wanted.capacity};
}

ContainerLog describe_log(Container& container) {
  CallGate& gate = container.gate();
  const CallLog::Settings settings = gate.log().settings();
  const CallLog::Extent extent = gate.log().extent();
  ContainerLog log{};
  log.id = container.id();
  log.what = settings.what;
  log.capacity = settings.capacity;
  log.recorded = extent.recorded;
  log.lost = extent.lost;
  log.denied = gate.denied_calls();
  log.unannounced = gate.unannounced_calls();
  log.memory = extent.memory;
  return log;
}

}  // namespace

Result<long> sys_container_policy(Context& context, UserPtr<ContainerPolicy> pointer, std::size_t size) {
  const ContainerPolicy wanted = TRY(read_extensible(pointer, size, ContainerPolicy::first_size));
  const bool shows = wanted.operation == ContainerPolicy::get_own || wanted.operation == ContainerPolicy::get_effective;
  if (wanted.flags != 0) return Error::inval;
  if (wanted.id == context.container.id()) {
    if (shows) return show_policy(pointer, size, wanted, context.container);
    TRY(change_from(wanted.operation));
    const bool tightens = wanted.operation == ContainerPolicy::tighten && context.process.credentials().privileged();
    if (!tightens || context.container.is_host()) return Error::perm;
    TRY(ContainerManager::change_call_rules(context.container, ContainerManager::RuleChange::tighten, TRY(rules_from(wanted))));
    return 0;
  }
  const Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  if (shows) return show_policy(pointer, size, wanted, *container);
  const ContainerManager::RuleChange change = TRY(change_from(wanted.operation));
  TRY(ContainerManager::change_call_rules(*container, change, TRY(rules_from(wanted))));
  return 0;
}

Result<long> sys_container_log(Context& context, UserPtr<ContainerLog> pointer, std::size_t size) {
  const ContainerLog wanted = TRY(read_extensible(pointer, size, sizeof(ContainerLog)));
  if (wanted.operation > ContainerLog::set) return Error::inval;
  const Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  if (wanted.operation == ContainerLog::set)
    TRY(container->gate().set_log(TRY(log_settings_from(wanted)), container->memory()));
  TRY(pointer.write(describe_log(*container)));
  return 0;
}

Result<long> sys_open_container_log(Context& context, UserPtr<ContainerLogOpen> pointer, std::size_t size) {
  using Open = ContainerLogOpen;
  const Open wanted = TRY(read_extensible(pointer, size, sizeof(Open)));
  if (wanted.flags & ~(Open::follow | Open::new_only | Open::times | Open::nonblock)) return Error::inval;
  Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  abi::CallLogView view;
  if (wanted.flags & Open::follow) view.at_end = abi::CallLogView::AtEnd::follow;
  if (wanted.flags & Open::new_only) view.from = abi::CallLogView::From::now;
  if (wanted.flags & Open::times) view.times = abi::CallLogView::Times::yes;
  const OpenFlags flags = wanted.flags & Open::nonblock ? open_flag::nonblock : 0;
  Ref<File> file = TRY(abi::open_call_log(std::move(container), view, flags, context.process.credentials()));
  return TRY(context.process.files().add(std::move(file), CloseOnExec::yes, context.process.open_files_limit()));
}

Result<long> sys_open_container_supervisor(Context& context, UserPtr<ContainerSupervisor> pointer, std::size_t size) {
  const ContainerSupervisor wanted = TRY(read_extensible(pointer, size, sizeof(ContainerSupervisor)));
  if (wanted.flags & ~ContainerSupervisor::nonblock) return Error::inval;
  Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  const OpenFlags flags = wanted.flags & ContainerSupervisor::nonblock ? open_flag::nonblock : 0;
  Ref<File> file = TRY(abi::open_supervisor(std::move(container), flags, context.process.credentials()));
  return TRY(context.process.files().add(std::move(file), CloseOnExec::yes, context.process.open_files_limit()));
}

Result<long> sys_container_call_counts(Context& context, UserPtr<ContainerCallCounts> pointer, std::size_t size) {
  constexpr std::size_t at_once = 32;
  const ContainerCallCounts wanted = TRY(read_extensible(pointer, size, sizeof(ContainerCallCounts)));
  const Ref<Container> container = TRY(find_to_manage(context, wanted.id));
  if (wanted.first >= CallSet::bits) return Error::inval;
  const std::uint64_t count = std::min<std::uint64_t>(wanted.count, CallSet::bits - wanted.first);
  for (std::uint64_t done = 0; done < count;) {
    CallCount counts[at_once];
    ContainerCallCount answer[at_once];
    const std::size_t part = std::min<std::uint64_t>(at_once, count - done);
    if (!container->gate().log().copy_counts(wanted.first + static_cast<unsigned>(done), std::span(counts, part)))
      return Error::nodata;
    for (std::size_t i = 0; i < part; ++i)
      answer[i] = {counts[i].calls, counts[i].failures, static_cast<std::uint64_t>(abi::time_of_cycles(counts[i].cycles))};
    TRY((UserPtr<ContainerCallCount>(wanted.counts) + done).write_array(std::span(std::as_const(answer)).first(part)));
    done += part;
  }
  return static_cast<long>(count);
}

}  // namespace cv6::linux_abi
