// What an xv6 program can ask the kernel to print, processor time, and the end of it all.
#include "abi/container_access.hpp"
#include "abi/support.hpp"
#include "abi/xv6/call_rows.hpp"
#include "abi/xv6/console.hpp"
#include "abi/xv6/handlers.hpp"
#include "abi/xv6/operations.hpp"
#include "task/process_info.hpp"
#include "task/process_tree.hpp"

namespace cv6::xv6_abi {
namespace {

constexpr Nanoseconds nanoseconds_per_millisecond = nanoseconds_per_second / 1000;
constexpr std::size_t longest_line = 96;

std::string_view state_name(const Process& process, const ProcessInfo& info) {
  if (process.state() != Process::State::alive) return "ZOMBIE";
  if (info.threads == 0) return "EMBRYO";
  if (info.state != 'R') return "SLEEPING";
  return info.virtual_state == VirtualState::running ? "RUNNING" : "RUNNABLE";
}

// What the program calls its size: where its heap ends.
int memory_size(Process& process) {
  const Ref<AddressSpace> space = process.hold_address_space();
  if (!space) return 0;
  const std::uint64_t size = is_of_xv6(process) ? space->heap_end() : space->usage().virtual_pages << page_shift;
  return static_cast<int>(std::min<std::uint64_t>(size, INT32_MAX));
}

// A line for each process that the caller's container sees, in the order of their numbers.
template <class MakeLine>
Result<long> print_processes(Context& context, File& console, MakeLine make_line) {
  for (int at = 0; Ref<Process> process = next_process(context.container, at);) {
    char bytes[longest_line];
    TRY(print_line(console, make_line(bytes, *process, process_info(*process, context.container))));
  }
  return 0;
}

Nanoseconds time_of(Process& process, const Container& viewer) { return time_used(process_info(process, viewer).usage); }

}  // namespace

Result<long> sys_print_count(Context& context) {
  const Ref<File> console = TRY(open_console_of(context.process));
  for (const abi::CallRow& row : call_rows()) {
    const std::uint32_t count = context.container.tally().count(row.number);
    if (count == 0) continue;
    char bytes[longest_line];
    TRY(print_line(*console, format_to(bytes, "sys_{} {}\n", row.name, count)));
  }
  return 0;
}

Result<long> sys_toggle(Context& context) {
  TRY(context.container.tally().toggle());
  return 0;
}

Result<long> sys_ps(Context& context) {
  const Ref<File> console = TRY(open_console_of(context.process));
  return print_processes(context, *console, [](std::span<char> to, Process&, const ProcessInfo& info) {
    return format_to(to, "pid:{} name:{}\n", info.number, info.name.view());
  });
}

Result<long> sys_dps(Context& context) {
  const Ref<File> console = TRY(open_console_of(context.process));
  TRY(print_line(*console, "Pid\tName\t\tMemSize\tKilled\tState\n"));
  return print_processes(context, *console, [](std::span<char> to, Process& process, const ProcessInfo& info) {
    const int killed = process.ending() && process.state() == Process::State::alive;
    return format_to(to, "{}\t{}\t\t{}\t{}\t{}\n", info.number, info.name.view(), memory_size(process), killed,
                     state_name(process, info));
  });
}

Result<long> sys_shutdown(Context& context) {
  TRY(shut_down(context, arch::PowerOff::normal));
  return 0;
}

Result<long> sys_start_timer(Context& context, int pid) {
  const Ref<Process> process = TRY(find_process(context.container, pid));
  if (process->state() != Process::State::alive) return Error::srch;
  process->timer_start.store(time_of(*process, context.container), std::memory_order_relaxed);
  return 0;
}

Result<long> sys_end_timer(Context& context, int pid) {
  const auto process = find_process(context.container, pid);
  if (process) {
    const Nanoseconds start = (*process)->timer_start.load(std::memory_order_relaxed);
    if (start < 0) return Error::inval;
    return (time_of(**process, context.container) - start) / nanoseconds_per_millisecond;
  }
  SpinGuard guard(process_tree_lock);
  const auto time = context.container.ended_timers().find(pid);
  if (!time) return Error::srch;
  return *time / nanoseconds_per_millisecond;
}

}  // namespace cv6::xv6_abi
