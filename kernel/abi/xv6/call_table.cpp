// The xv6 call table, made of the rows of calls.def, and the way from the software interrupt through it and back.
//
// The number is in a register, the arguments are on the program's stack, above the return address of the stub that makes the
// call. They are copied from there once, as many as the call has.
#include "abi/gate_entry.hpp"
#include "abi/xv6/call_rows.hpp"
#include "abi/xv6/handlers.hpp"
#include "abi/xv6/operations.hpp"
#include "task/container_console.hpp"
#include "task/user_return.hpp"

namespace cv6::xv6_abi {
namespace {

using abi::CallRow;
using arch::UserRegisters;

template <auto handler>
Result<long> invoke(Context& context) {
  return HandlerTraits<decltype(handler)>::template call<handler>(
      context, [&](std::size_t index) { return context.registers.stack_argument(static_cast<unsigned>(index)); });
}

constexpr CallRow rows[] = {
#define CV6_XV6_CALL(number, name) {number, #name, invoke<&sys_##name>, HandlerTraits<decltype(&sys_##name)>::kinds},
#include "abi/xv6/calls.def"
#undef CV6_XV6_CALL
};
static_assert(abi::in_order(rows));

struct Call {
  Invoke invoke;
  std::uint8_t arguments = 0;
  std::uint8_t traits = 0;
};

Result<long> unknown_call(Context& context) {
  const auto number = static_cast<std::int32_t>(context.registers.call_number());
  char bytes[96];
  print_on_console(format_to(bytes, "{} {}: unknown sys call {}\n", context.process.number(), context.thread.name.view(), number));
  return Error::nosys;
}

// In place of a call that was interrupted and goes on: restart_call_number.
Result<long> go_on(Context& context) {
  const TimedRestart state = std::exchange(context.thread.timed_restart, {});
  return state.again ? state.again(context.thread, state) : unknown_call(context);
}

constexpr Call make_call(const CallRow& row) {
  using namespace abi::call_trait;
  Call call{row.invoke, static_cast<std::uint8_t>(6 - std::ranges::count(row.arguments, ArgumentKind::none))};
  if (call.arguments > UserRegisters::stack_arguments) std::unreachable();
  for (const std::string_view name : {"exec", "sigret", "join_container", "leave_container"})
    if (row.name == name) call.traits = changes_caller;
  if (row.name == "exit") call.traits = ends_caller;
  return call;
}

// By number.
constexpr std::size_t call_count = CallSet::xv6_bits - 1;
constexpr auto calls = [] {
  std::array<Call, call_count> table;
  table.fill({unknown_call});
  for (const CallRow& row : rows) table[row.number] = make_call(row);
  table[restart_call_number] = {go_on, 0, abi::call_trait::continues};
  return table;
}();
static_assert(restart_call_number < call_count);
constexpr Call no_call{unknown_call};

// Error::fault: they are not on the stack.
bool fetch_arguments(UserRegisters& registers, unsigned count) {
  std::uint32_t words[UserRegisters::stack_arguments];
  const auto stack = static_cast<std::uint32_t>(registers.stack_pointer());
  if (arch::copy_from_user(words, std::uintptr_t{stack} + sizeof(std::uint32_t), count * sizeof words[0]) != 0) return false;
  for (unsigned i = 0; i < count; ++i) registers.set_stack_argument(i, words[i]);
  return true;
}

void finish(Context& context, const Result<long>& result) {
  if (result) [[likely]]
    return context.registers.set_result(*result);
  if (is_restart(result.error())) return end_interrupted_call(context.thread, context.registers, result.error());
  context.registers.set_result(-1);
}

}  // namespace

std::span<const CallRow> call_rows() { return rows; }

void on_call(UserThread& thread, UserRegisters& registers) {
  const std::uint64_t started = thread.entered_kernel();
  Process& process = thread.process();
  Context context{thread, process, process.container(), registers, started};
  const std::uint32_t number = registers.begin_trap_call();
  const Call& call = number < call_count ? calls[number] : no_call;
  if (context.container.tally().on() && number < CallTally::calls) context.container.tally().add(number);
  const CallGate& gate = context.container.gate();
  const CallGate::State state = gate.state();
  if (call.arguments && !fetch_arguments(registers, call.arguments)) [[unlikely]] {
    registers.set_result(-1);
  } else if (state == CallGate::open ||
             (state == CallGate::has_policy && !gate.stops(CallSet::bit(CallAbi::xv6, number)))) [[likely]] {
    finish(context, call.invoke(context));
  } else {
    abi::attend_call(context, {CallAbi::xv6, call.traits, number, call.invoke, finish});
  }
  if (has_return_work(thread)) return_to_user_work(thread, registers);
  thread.leaves_kernel();
}

}  // namespace cv6::xv6_abi
