// The Linux call table, made of the rows of calls.def, and the way from the SYSCALL instruction through it and back.
#include <atomic>

#include "abi/call_table.hpp"
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
  if (is_news(process, number)) {
    const CallRow* row = abi::find_row(rows, number);
    log(LogLevel::notice, "{}[{}] in {}: no system call {} ({})", context.thread.name.view(), process,
        context.container.is_host() ? "host" : context.container.name(), static_cast<std::int64_t>(number),
        row ? row->name : "unknown");
  }
  return Error::nosys;
}

constexpr bool is_restart(Error error) { return error >= Error::restart_if_asked; }
static_assert(is_restart(Error::restart_unhandled) && is_restart(Error::restart_timed) && !is_restart(Error::notrecoverable));

}  // namespace
}  // namespace linux_abi

void arch::on_system_call(UserRegisters& registers) {
  UserThread& thread = UserThread::current();
  thread.entered_kernel();
  Process& process = thread.process();
  Context context{thread, process, process.container(), registers};
  // The container's gate will be asked here, before anything of the call is looked at: one test of one bit.
  // Linux takes the low 32 bits as the number.
  const auto number = static_cast<std::uint32_t>(registers.call_number());
  const Result<long> result =
      number < linux_abi::calls.size() ? linux_abi::calls[number](context) : linux_abi::absent_call(context);
  if (result) [[likely]]
    registers.set_result(*result);
  else if (linux_abi::is_restart(result.error()))
    end_interrupted_call(thread, registers, result.error());
  else
    registers.set_result(-linux_abi::errno_of(result.error()));
  if (has_return_work(thread)) [[unlikely]] return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

}  // namespace cv6
