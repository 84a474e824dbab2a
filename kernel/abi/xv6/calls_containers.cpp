// Containers, as xv6 programs know them.
#include "abi/container_access.hpp"
#include "abi/xv6/console.hpp"
#include "abi/xv6/handlers.hpp"
#include "task/container_operations.hpp"
#include "task/process_info.hpp"
#include "task/process_tree.hpp"
#include "task/scheduler_log.hpp"

namespace cv6::xv6_abi {
namespace {

std::string_view name_of(VirtualState state) {
  switch (state) {
    case VirtualState::running: return "RUNNING";
    case VirtualState::runnable: return "RUNNABLE";
    case VirtualState::waiting: break;
  }
  return "WAITING";
}

Result<long> switch_own_memory_log(Context& context, AllocationRecord::Log log) {
  TRY(switch_memory_log(context.container, log));
  return 0;
}

bool logs_scheduling(Container& container) { return container.sched_context().statistics().logging; }

}  // namespace

Result<long> sys_create_container(Context& context) {
  TRY(check_may_manage(context));
  return TRY(ContainerManager::create(context.container, {}))->id();
}

Result<long> sys_proc_stat_container(Context& context) {
  const Ref<File> console = TRY(open_console_of(context.process));
  for (int at = 0; Ref<Process> process = next_process(context.container, at);) {
    const ProcessInfo info = process_info(*process, context.container);
    if (info.container != context.container.id()) continue;
    char bytes[96];
    TRY(print_line(*console, format_to(bytes, "pid:{}\tname:{}\tstate:{}\n", info.number, info.name.view(),
                                       name_of(info.virtual_state))));
  }
  return 0;
}

Result<long> sys_scheduler_log_on(Context& context) {
  if (context.container.is_host()) return Error::srch;
  if (logs_scheduling(context.container)) return Error::busy;
  TRY(start_scheduler_log(context.container, TRY(open_console_of(context.process))));
  return 0;
}

Result<long> sys_scheduler_log_off(Context& context) {
  if (context.container.is_host()) return Error::srch;
  if (!logs_scheduling(context.container)) return Error::busy;
  stop_scheduler_log(context.container);
  return 0;
}

Result<long> sys_cid(Context& context) { return context.container.id(); }

Result<long> sys_memory_log_on(Context& context) { return switch_own_memory_log(context, AllocationRecord::Log::on); }
Result<long> sys_memory_log_off(Context& context) { return switch_own_memory_log(context, AllocationRecord::Log::off); }

Result<long> sys_memory_gva(Context& context, int size, unsigned address) { return record_allocation(context, size, address); }

}  // namespace cv6::xv6_abi
