#include "abi/supervisor_file.hpp"

#include "abi/call_format.hpp"
#include "abi/gate_types.hpp"
#include "abi/linux/errno.hpp"
#include "container/end_watch.hpp"
#include "fs/anonymous.hpp"
#include "mm/payer.hpp"
#include "task/process.hpp"

namespace cv6::abi {

namespace {

class SupervisorFile final : public File, public Charged<SupervisorFile, "call_supervisor"> {
 public:
  SupervisorFile(Ref<Inode> inode, Ref<Container> container) : File(std::move(inode), Positions::none), watch_(std::move(container)) {}
  ~SupervisorFile() override {
    if (attached_) supervisor().detach();
  }
  Result<void> attach() {
    TRY(supervisor().attach());
    attached_ = true;
    return {};
  }

  void describe(Output& out) const override { print(out, "anon_inode:[supervisor of container {}]", watch_.container().id()); }
  PollEvents poll(PollWaiters* waiters) override {
    if (waiters) waiters->watch(supervisor().readers());
    return (supervisor().has_next() || watch_.over() ? poll_event::readable : PollEvents{0}) | poll_event::writable;
  }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t size_limit) override;

 private:
  CallSupervisor& supervisor() const { return watch_.container().gate().supervisor(); }

  EndWatch watch_;
  bool attached_ = false;
};

Result<void> put_question(IoBuffer& to, const CallSupervisor::Question& question) {
  char bytes[longest_call];
  BufferOutput text(bytes);
  print_request(text, question.record);
  const Container& viewer = UserThread::current().process().container();
  SupervisedCall call{.question = question.number,
                      .container = question.container,
                      .process = question.process->number_in(viewer),
                      .thread = question.thread->number_in(viewer),
                      .abi = static_cast<std::uint32_t>(question.record.what.abi),
                      .number = static_cast<std::uint32_t>(question.record.registers.call_number()),
                      .text_size = static_cast<std::uint32_t>(text.view().size()),
                      .arguments = {}};
  for (unsigned i = 0; i < std::size(call.arguments); ++i) call.arguments[i] = question.record.registers.argument(i);
  TRY(to.put(&call, sizeof call));
  TRY(to.put(text.view().data(), text.view().size()));
  return {};
}

Result<std::size_t> SupervisorFile::do_read(IoBuffer& to, std::uint64_t) {
  const std::size_t before = to.remaining();
  if (before < sizeof(SupervisedCall) + longest_call) return Error::inval;
  CallSupervisor::Question question;
  while (!supervisor().next(question)) {
    if (watch_.over()) return 0;
    if (nonblocking()) return Error::again;
    if (!supervisor().readers().wait([&] { return supervisor().has_next() || watch_.over(); })) return Error::restart_if_asked;
  }
  TRY(put_question(to, question));
  return before - to.remaining();
}

Result<CallAnswer> answer_from(const SupervisorAnswer& wanted) {
  if (wanted.flags & ~SupervisorAnswer::close_on_exec) return Error::inval;
  if (wanted.flags && wanted.action != SupervisorAnswer::give_file) return Error::inval;
  switch (wanted.action) {
    case SupervisorAnswer::run: return CallAnswer{.kind = CallAnswer::Kind::run};
    case SupervisorAnswer::give: return CallAnswer{.result = wanted.value};
    case SupervisorAnswer::fail: {
      const std::optional<Error> error = linux_abi::error_of(wanted.value);
      if (!error) return Error::inval;
      return CallAnswer{.result = *error};
    }
    case SupervisorAnswer::give_file:
      if (wanted.value != static_cast<int>(wanted.value)) return Error::badf;
      return CallAnswer{.kind = CallAnswer::Kind::file,
                        .file = TRY(UserThread::current().process().files().get(static_cast<int>(wanted.value))),
                        .close_on_exec = wanted.flags != 0};
    default: return Error::inval;
  }
}

Result<std::size_t> SupervisorFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  SupervisorAnswer answer;
  if (from.remaining() != sizeof answer) return Error::inval;
  if (TRY(from.take(&answer, sizeof answer)) != sizeof answer) return Error::fault;
  TRY(supervisor().answer(answer.question, TRY(answer_from(answer))));
  return sizeof answer;
}

}  // namespace

Result<Ref<File>> open_supervisor(Ref<Container> container, OpenFlags flags, const Credentials& opener) {
  Ref<SupervisorFile> file = TRY(make<SupervisorFile>(TRY(anonymous::make_device(0600)), std::move(container)));
  TRY(file->attach());
  file->set_up({}, flags | open_flag::read | open_flag::write, opener);
  return Ref<File>(std::move(file));
}

}  // namespace cv6::abi
