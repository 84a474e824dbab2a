#include "abi/gate_entry.hpp"

#include "abi/call_texts.hpp"
#include "abi/linux/call_rows.hpp"
#include "abi/xv6/call_rows.hpp"
#include "arch/clock.hpp"
#include "container/manager.hpp"
#include "lib/format.hpp"
#include "task/abi_operations.hpp"
#include "task/container_console.hpp"
#include "task/exit.hpp"
#include "task/user_return.hpp"

namespace cv6::abi {

namespace {

using Outcome = CallRecord::Outcome;

constexpr unsigned most_arguments = std::tuple_size_v<RawArguments>;

// Where the call's ABI has them.
std::uint64_t argument(const Context& context, CallAbi abi, unsigned index) {
  if (abi == CallAbi::linux) return context.registers.argument(index);
  return index < arch::UserRegisters::stack_arguments ? context.registers.stack_argument(index) : 0;
}

// Everything but what came of it, and the strings.
CallRecord begin_record(const Context& context, const GatedCall& call) {
  CallRecord record;
  record.started = context.started;
  record.duration = 0;
  arch::CallRegisters::copy(record.registers, context.registers);
  if (call.abi != CallAbi::linux)
    for (unsigned i = 0; i < most_arguments; ++i) record.registers.set_argument(i, argument(context, call.abi, i));
  record.thread = context.thread.number();
  record.what = {.outcome = Outcome::begun, .abi = call.abi};
  return record;
}

void add_texts(const Context& context, const GatedCall& call, CallRecord& record) {
  const CallRow* row = find_call(call.abi, call.number);
  if (!row) return;
  RawArguments arguments;
  for (unsigned i = 0; i < arguments.size(); ++i) arguments[i] = argument(context, call.abi, i);
  record.what.text_size = static_cast<std::uint16_t>(read_texts(row->arguments, arguments, record.text));
}

// --- denied calls -----------------------------------------------------------------------------------------------------

void announce(Context& context, std::uint32_t number, CallGate::Notice notice) {
  if (notice == CallGate::Notice::none) return;
  char bytes[160];
  BufferOutput line(bytes);
  const int id = context.container.id();
  print(line, "Syscall {} not allowed in container with ID {}\n", static_cast<std::int32_t>(number), id);
  if (notice == CallGate::Notice::last_line) print(line, "(container {}: the next ones are only counted and logged)\n", id);
  print_on_console(line.view());
}

void deny_call(Context& context, const GatedCall& call, CallAction action) {
  CallRecord record = begin_record(context, call);
  add_texts(context, call, record);
  record.what.outcome = action == CallAction::kill ? Outcome::killed : Outcome::denied;
  CallGate& gate = context.container.gate();
  gate.log().note_denied(CallSet::bit(call.abi, call.number), record, context.container.memory());
  announce(context, call.number, gate.note_denied(arch::monotonic_now()));
  if (action == CallAction::kill) exit_process({WaitStatus::Kind::killed, signal::bad_call});
  call.finish(context, Error::perm);
}

// --- supervised calls -------------------------------------------------------------------------------------------------

Result<long> result_of(Context& context, CallAnswer& answer) {
  if (answer.kind != CallAnswer::Kind::file) return answer.result;
  const CloseOnExec close_on_exec = answer.close_on_exec ? CloseOnExec::yes : CloseOnExec::no;
  const Process& process = context.process;
  const std::uint64_t limit = std::min(process.open_files_limit(), process.abi().most_open_files());
  return TRY(process.files().add(std::move(answer.file), close_on_exec, limit));
}

void finish_answered(Context& context, const GatedCall& call, CallAnswer& answer, CallRecord& record) {
  const Result<long> result = result_of(context, answer);
  call.finish(context, result);
  record.duration = arch::cycles() - context.started;
  record.registers.set_result(context.registers.result());
  record.what.outcome = Outcome::answered;
  context.container.gate().log().note(CallSet::bit(call.abi, call.number), record,
                                      result ? CallLog::Ending::success : CallLog::Ending::failure);
}

// From the innermost supervisor outwards: the first that does not let it run decides.
enum class Verdict : std::uint8_t { runs, finished };
Verdict ask_supervisors(Context& context, const GatedCall& call) {
  const unsigned bit = CallSet::bit(call.abi, call.number);
  CallSupervisor::Question question{.record = begin_record(context, call),
                                    .process = Ref<Pid>(context.process.pid()),
                                    .thread = Ref<Pid>(context.thread.tid()),
                                    .container = context.container.id()};
  add_texts(context, call, question.record);
  Ref<Container> at = ContainerManager::supervising(context.container, bit);
  for (; at; at = at->parent() ? ContainerManager::supervising(*at->parent(), bit) : nullptr) {
    auto answer = at->gate().supervisor().ask(question);
    if (!answer && answer.error() == Error::perm) {
      deny_call(context, call, CallAction::fail);
      return Verdict::finished;
    }
    if (!answer) {
      call.finish(context, answer.error());
      return Verdict::finished;
    }
    if (answer->kind == CallAnswer::Kind::run) continue;
    finish_answered(context, call, *answer, question.record);
    return Verdict::finished;
  }
  return Verdict::runs;
}

// --- logged calls -----------------------------------------------------------------------------------------------------

void log_call(Context& context, const GatedCall& call) {
  CallRecord record = begin_record(context, call);
  const Ref<Container> container(&context.container);  // the call may move the process elsewhere
  CallLog& log = container->gate().log();
  if (log.what() & CallLog::texts) add_texts(context, call, record);
  const Result<long> result = call.invoke(context);
  call.finish(context, result);
  record.duration = arch::cycles() - context.started;
  record.registers.set_result(context.registers.result());
  const bool interrupted = !result && is_restart(result.error());
  record.what.outcome = interrupted ? Outcome::interrupted : Outcome::returned;
  log.note(CallSet::bit(call.abi, call.number), record, result ? CallLog::Ending::success : CallLog::Ending::failure);
}

// A call that does not come back: neither may anything be held here.
void log_last_call(Context& context, const GatedCall& call) {
  CallLog& log = context.container.gate().log();
  log.note(CallSet::bit(call.abi, call.number), begin_record(context, call), CallLog::Ending::success);
  call.finish(context, call.invoke(context));
}

}  // namespace

void attend_call(Context& context, const GatedCall& call) {
  // What was allowed when it began may end.
  const bool goes_on = (call.traits & call_trait::continues) && context.thread.timed_restart.again;
  const unsigned bit = CallSet::bit(call.abi, call.number);
  if (context.container.gate().stops(bit) && !goes_on) {
    const CallAction action = ContainerManager::call_action(context.container, bit);
    if (action > CallAction::supervise) return deny_call(context, call, action);
    if (action == CallAction::supervise && ask_supervisors(context, call) == Verdict::finished) return;
  }
  return call.traits & call_trait::ends_caller ? log_last_call(context, call) : log_call(context, call);
}

const CallRow* find_call(CallAbi abi, std::uint64_t number) {
  return find_row(abi == CallAbi::linux ? linux_abi::call_rows() : xv6_abi::call_rows(), number);
}

}  // namespace cv6::abi
