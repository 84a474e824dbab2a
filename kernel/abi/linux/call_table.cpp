// The Linux call table, made of the rows of calls.def, and the way from the SYSCALL instruction through it and back.
#include <atomic>

#include "abi/gate_entry.hpp"
#include "abi/linux/call_rows.hpp"
#include "abi/linux/errno.hpp"
#include "abi/linux/handlers.hpp"
#include "arch/upcalls.hpp"
#include "container/manager.hpp"
#include "sync/log.hpp"
#include "task/user_return.hpp"

namespace cv6 {
namespace linux_abi {
namespace {

using abi::CallRow;

Result<long> absent_call(Context& context);

constexpr CallRow rows[] = {
#define CV6_CALL(number, name) CallRow::handled<&sys_##name>(number, #name),
#define CV6_PARTIAL(number, name, missing) CallRow::handled<&sys_##name>(number, #name),
#define CV6_REFUSED(number, name, error, why) CallRow{number, #name, abi::refuse<Error::error>},
#define CV6_ABSENT(number, name, why) CallRow{number, #name, absent_call},
#include "abi/linux/calls.def"
#undef CV6_CALL
#undef CV6_PARTIAL
#undef CV6_REFUSED
#undef CV6_ABSENT
};
static_assert(abi::in_order(rows));

// By number, for dispatch: one load.
constexpr std::size_t call_count = rows[std::size(rows) - 1].number + 1;
constexpr auto calls = [] {
  std::array<abi::Invoke, call_count> table;
  table.fill(absent_call);
  for (const CallRow& row : rows) table[row.number] = row.invoke;
  return table;
}();

// By number as well: what the gate asks when it does not let a call pass unseen.
constexpr std::uint8_t traits_of(const CallRow& row) {
  using namespace abi::call_trait;
  std::uint8_t traits = 0;
  for (const std::string_view name : {"execve", "execveat", "rt_sigreturn", "join_container", "leave_container"})
    if (row.name == name) traits |= changes_caller;
  for (const std::string_view name : {"exit", "exit_group"})
    if (row.name == name) traits |= ends_caller;
  if (row.name == "restart_syscall") traits |= continues;
  return traits;
}
constexpr auto traits = [] {
  std::array<std::uint8_t, call_count> table{};
  for (const CallRow& row : rows) table[row.number] = traits_of(row);
  return table;
}();
static_assert(call_count < CallSet::linux_bits);

// True the first time that a program makes this call; a program is forgotten when others need the place.
bool is_news(int process, std::uint64_t number) {
  constinit static std::array<std::atomic<std::uint64_t>, 256> told;
  const std::uint64_t key = static_cast<std::uint64_t>(process) << 32 | (number & 0xffffffff);
  return told[mix(key) % told.size()].exchange(key, std::memory_order_relaxed) != key;
}

// Says so where somebody who wonders why a program does not work will look; the program gets ENOSYS.
Result<long> absent_call(Context& context) {
  const std::uint64_t number = context.registers.call_number();
  const int process = context.process.pid()->number_in(ContainerManager::host());
  if (is_news(process, number) && context.container.may_log()) {
    const CallRow* row = abi::find_row(rows, number);
    log(LogLevel::notice, "{}[{}] in {}: no system call {} ({})", context.thread.name.view(), process,
        context.container.name().view(), static_cast<std::int64_t>(number),
        row ? row->name : "unknown");
  }
  return Error::nosys;
}

// The result for the program. False: the call was interrupted, and signals decide what it gets.
[[gnu::always_inline]] inline bool finish(UserThread& thread, arch::UserRegisters& registers, const Result<long>& result) {
  if (result) [[likely]] {
    registers.set_result(*result);
  } else if (is_restart(result.error())) {
    end_interrupted_call(thread, registers, result.error());
    return false;
  } else {
    registers.set_result(-errno_of(result.error()));
  }
  return true;
}

// What the gate does not let pass unseen.
[[gnu::noinline]] void attend(Context& context, std::uint32_t number) {
  const bool known = number < call_count;
  const auto finish_call = [](Context& caller, const Result<long>& result) {
    (void)finish(caller.thread, caller.registers, result);
  };
  abi::attend_call(context, {CallAbi::linux, known ? traits[number] : std::uint8_t{0}, number,
                             known ? calls[number] : absent_call, finish_call});
}

// The container is asked for again: other threads of the process can have left it while the call ran.
[[gnu::noinline]] void record_call(const Context& context) {
  CallLog& log = context.process.container().gate().log();
  log.record(context.started, CallAbi::linux, context.registers, context.thread.number());
}

}  // namespace

std::span<const abi::CallRow> call_rows() { return rows; }

}  // namespace linux_abi

void arch::on_system_call(UserRegisters& registers) {
  using namespace linux_abi;
  UserThread& thread = UserThread::current();
  const std::uint64_t started = thread.entered_kernel();
  sched::give_way_by_chance();
  Process& process = thread.process();
  Context context{thread, process, process.container(), registers, started};
  const CallGate& gate = context.container.gate();
  const CallGate::State state = gate.state();
  // Linux takes the low 32 bits as the number.
  const auto number = static_cast<std::uint32_t>(registers.call_number());
  if (number >= call_count) [[unlikely]] {
    attend(context, number);
  } else if (state == CallGate::open || (state == CallGate::has_policy && !gate.stops(CallSet::bit(CallAbi::linux, number)))) [[likely]] {
    (void)finish(thread, registers, calls[number](context));
  } else if (state == CallGate::only_records && !traits[number]) {
    if (finish(thread, registers, calls[number](context))) record_call(context);
  } else {
    attend(context, number);
  }
  if (has_return_work(thread)) [[unlikely]] return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

}  // namespace cv6
