#include "task/first_process.hpp"

#include "container/manager.hpp"
#include "fs/operations.hpp"
#include "sync/log.hpp"
#include "task/exit.hpp"
#include "task/install_program.hpp"
#include "task/new_process.hpp"
#include "task/process_tree.hpp"
#include "task/start_user.hpp"

namespace cv6 {

Result<void> initialise_tasks() {
  initialise_user_threads();
  return {};
}

namespace {

// What the first thread of a process that nobody forked has yet to do, in its own context.
struct Beginning {
  ProgramImage image;
  ArgumentStrings arguments;
  String path;
};

void begin(void* argument) {
  UserThread& thread = *static_cast<UserThread*>(argument);
  Own<Beginning> beginning(static_cast<Beginning*>(thread.process().beginning));
  thread.process().beginning = nullptr;
  auto installed = install_program(thread, thread.user_registers(), beginning->image, beginning->arguments,
                                   beginning->path.view());
  beginning.reset();
  if (!installed) kill_process(thread.process());
  enter_user_mode(thread);
}

}  // namespace

namespace {

// Without a program yet. Its container pays for it, not who makes it.
Result<Ref<Process>> make_empty_process(const NewProcessRequest& request, const Ref<Pid>& pid) {
  Container& container = *request.container;
  Process::Parts parts;
  parts.container = Ref<Container>(&container);
  parts.credentials = request.credentials;
  parts.files = request.files;
  parts.fs = request.fs;
  parts.handlers = TRY(SignalHandlers::create());
  parts.account = TRY(UserAccount::find_or_create(container, request.credentials->ids().user));
  parts.abi = abi_operations(ProgramKind::elf64_x86_64);
  // Until its program is installed it has an empty one, which install_program replaces.
  parts.address_space = TRY(AddressSpace::create(Ref<GuestMemory>(&container.memory())));
  Ref<Process> process = TRY(Process::create(pid, std::move(parts)));
  process->limits = request.limits;
  return process;
}

}  // namespace

Result<NewProcess> make_new_process(const NewProcessRequest& request) {
  Own<Beginning> beginning = TRY(make_own<Beginning>());
  beginning->path = TRY(String::create(request.path));
  beginning->arguments = std::move(*request.arguments);

  Ref<Pid> pid = TRY(paid_by(*request.container, [&] { return Pid::allocate(*request.container); }));
  Ref<Process> process = TRY(paid_by(*request.container, [&] { return make_empty_process(request, pid); }));
  const Caller caller{*request.fs, *request.credentials};
  Ref<File> file = TRY(open_file(caller, At{nullptr, request.path}, {open_flag::read | open_flag::execute, 0}));
  beginning->image = TRY(prepare_program(*process, caller, std::move(file), request.path, beginning->arguments));
  Ref<UserThread> thread =
      TRY(paid_by(*request.container, [&] { return UserThread::create(*process, std::move(pid), &begin); }));
  thread->reset_fpu();
  thread->user_registers() = arch::UserRegisters();
  process->beginning = beginning.release();
  return NewProcess{std::move(process), std::move(thread)};
}

void discard_new_process(NewProcess& made) {
  delete static_cast<Beginning*>(std::exchange(made.process->beginning, nullptr));
}

void start_new_process(NewProcess& made, Process* parent, Ref<ProcessGroup> group) {
  Process& process = *made.process;
  process.hold();  // the tree's
  set_parent(process, parent);
  enter_group(process, std::move(group));
  process.pid()->process = &process;
  SpinGuard guard(process.lock());
  process.threads.push_back(*made.thread);
  process.change_thread_count(+1);
  made.thread->tid()->thread = made.thread.get();
}

Result<Ref<ProcessGroup>> make_session(Process& process) {
  Ref<Session> session = TRY(make<Session>(process.pid()));
  Ref<ProcessGroup> group = TRY(make<ProcessGroup>(process.pid(), session));
  SpinGuard guard(process_tree_lock);
  process.pid()->session = session.get();
  process.pid()->group = group.get();
  session->leader = &process;
  return group;
}

Result<void> start_first_process(std::string_view path, std::span<const std::string_view> arguments,
                                 std::span<const std::string_view> environment, std::string_view console) {
  Container& host = ContainerManager::host();
  ArgumentStrings strings;
  for (std::string_view argument : arguments) TRY(strings.add_argument(argument));
  for (std::string_view variable : environment) TRY(strings.add_environment(variable));
  NewProcessRequest request;
  request.container = Ref<Container>(&host);
  request.credentials = Ref<const Credentials>(&Credentials::root());
  request.fs = TRY(FsContext::create(host.root(), host.root()));
  request.files = TRY(DescriptorTable::create(nullptr));
  request.path = path;
  request.arguments = &strings;
  if (!console.empty()) {
    const Caller caller{*request.fs, *request.credentials};
    const OpenRequest open{open_flag::read | open_flag::write | open_flag::no_controlling_tty, 0};
    Ref<File> file = TRY(open_file(caller, At{nullptr, console}, open));
    for (int i = 0; i < 3; ++i) TRY(request.files->add(file, CloseOnExec::no, open_files_ceiling));
  }
  NewProcess made = TRY(make_new_process(request));
  auto group = make_session(*made.process);
  auto entered = group ? host.enter() : Result<void>(group.error());
  if (!entered) {
    discard_new_process(made);
    return entered.error();
  }
  made.process->is_init = true;
  {
    SpinGuard guard(process_tree_lock);
    start_new_process(made, nullptr, *std::move(group));
    host.first_process = made.process.get();
  }
  sched::start(*made.thread);
  return {};
}

}  // namespace cv6
