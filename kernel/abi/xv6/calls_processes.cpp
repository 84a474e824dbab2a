// Processes of xv6 programs, their memory, and time.
#include "abi/xv6/arguments.hpp"
#include "abi/xv6/handlers.hpp"
#include "arch/clock.hpp"
#include "task/clone.hpp"
#include "task/exec.hpp"
#include "task/exit.hpp"
#include "task/flat_program.hpp"
#include "task/send_signal.hpp"
#include "task/wait.hpp"

namespace cv6::xv6_abi {
namespace {

constexpr Nanoseconds tick = nanoseconds_per_second / 100;

Result<void> read_arguments(UserPtr<std::uint32_t> array, ArgumentStrings& strings) {
  for (std::size_t i = 0; const std::uint32_t string = TRY((array + i).read()); ++i) {
    if (i == most_arguments) return Error::toobig;
    TRY(strings.add_user_argument(string));
  }
  return {};
}

Result<long> sleep_until(UserThread& thread, Nanoseconds deadline) {
  Event event;
  const auto slept = sleep_until_raised(event, Wait::interruptible, deadline);
  if (slept || slept.error() == Error::timedout) return 0;
  thread.timed_restart = {.again = [](UserThread& again, const TimedRestart& state) {
                            return sleep_until(again, static_cast<Nanoseconds>(state.arguments[0]));
                          },
                          .arguments = {static_cast<std::uint64_t>(deadline)}};
  return Error::restart_timed;
}

}  // namespace

Result<long> sys_fork(Context& context) {
  return clone(context.thread, {.exit_signal = signal::child, .memory = CloneRequest::Memory::copied});
}

Result<long> sys_exit(Context&) { exit_process({WaitStatus::Kind::exited, 0}); }

Result<long> sys_wait(Context& context) { return TRY(wait_for_child(context.process, {.any_kind = true})).process; }

Result<long> sys_kill(Context& context, int pid) {
  if (pid <= 0) return Error::srch;
  TRY(send_signal_to(context.process, pid, signal::kill));
  return 0;
}

Result<long> sys_exec(Context& context, UserString path, UserPtr<std::uint32_t> arguments) {
  NameOf name;
  TRY(name.read(path, NameOf::Empty::working_directory));
  Ref<File> program = TRY(open_file(caller_of(context), name.at(), {open_flag::read | open_flag::execute, 0}));
  ArgumentStrings strings;
  TRY(read_arguments(arguments, strings));
  TRY(execute(context.thread, context.registers, std::move(program), name.at().name, std::move(strings)));
  return context.registers.result();
}

Result<long> sys_getpid(Context& context) { return context.process.number(); }

// The memory is there when the call returns, or it fails.
Result<long> sys_sbrk(Context& context, int bytes) {
  AddressSpace& space = context.process.address_space();
  const std::uintptr_t before = space.heap_end();
  const std::uintptr_t after = before + static_cast<std::uintptr_t>(static_cast<std::intptr_t>(bytes));
  if (after > flat_program_end || space.brk(after) != after) return Error::nomem;
  if (page_ceiling(after) <= page_ceiling(before)) return static_cast<long>(before);
  const std::uintptr_t fresh = page_ceiling(before);
  if (!space.advise(fresh, page_ceiling(after) - fresh, AddressSpace::Advice::populate_write)) {
    (void)space.brk(before);
    return Error::nomem;
  }
  return static_cast<long>(before);
}

Result<long> sys_sleep(Context& context, int ticks) {
  return sleep_until(context.thread, arch::monotonic_now() + static_cast<unsigned>(ticks) * tick);
}

Result<long> sys_uptime(Context&) { return arch::monotonic_now() / tick; }

Result<long> sys_add(Context&, int a, int b) { return static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b)); }

}  // namespace cv6::xv6_abi
