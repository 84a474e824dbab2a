// A process made directly inside a container: spawn of container_operations.hpp.
//
// The program is looked up and opened first, so that the usual mistakes leave no trace. Then there is a process with
// nothing in it, whose only thread begins by executing the program; the caller waits for that. Until it has worked, the
// process is nobody's child; if it fails, the process ends and the kernel reaps it.
#include "fs/operations.hpp"
#include "sched/scheduler.hpp"
#include "task/abi_operations.hpp"
#include "task/container_operations.hpp"
#include "task/exec.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"
#include "task/start_user.hpp"
#include "task/terminal_jobs.hpp"

namespace cv6 {

namespace {

// Between the caller and the new thread. Both hold it, since either may be done with it first.
struct Start : public Counted<Start> {
  Start(UserThread& caller, SpawnRequest& request, Ref<File> program)
      : caller(caller), request(request), program(std::move(program)) {}
  UserThread& caller;      // these two: until it is decided
  SpawnRequest& request;
  Ref<File> program;
  Result<void> outcome;
  std::atomic<bool> decided{false};
  WaitQueue waiting;
};

Result<Process::Parts> make_parts(UserThread& caller, Container& container, const SpawnRequest& request) {
  Process::Parts parts;
  parts.container = Ref<Container>(&container);
  parts.abi = &caller.process().abi();
  parts.credentials = request.credentials ? request.credentials : Ref<const Credentials>(&Credentials::root());
  parts.account = TRY(UserAccount::find_or_create(container, parts.credentials->ids().user));
  parts.address_space = TRY(AddressSpace::create(Ref<GuestMemory>(&container.memory())));
  parts.handlers = TRY(SignalHandlers::create());
  parts.fs = TRY(FsContext::create(container.root(), container.root(), request.umask));
  const Caller inside{*parts.fs, *parts.credentials};
  Path directory = TRY(resolve(inside, {.name = request.directory}, Follow::yes));
  TRY(check_directory(inside, directory));
  parts.fs->set_working_directory(std::move(directory));
  parts.files = TRY(DescriptorTable::create());
  Process& process = caller.process();
  for (const SpawnRequest::Passed& passed : request.descriptors) {
    Ref<File> file = TRY(process.files().use(passed.from)).ref();
    TRY(parts.files->put(passed.to, std::move(file), CloseOnExec::no, process.open_files_limit()));
  }
  return parts;
}

// A group of its own, in the caller's session or in one of its own.
Result<Ref<ProcessGroup>> make_group(Process& caller, const Ref<Pid>& pid, SpawnRequest::Place place) {
  Ref<Session> session;
  if (place == SpawnRequest::Place::new_session) {
    session = TRY(make<Session>(pid));
  } else {
    SpinGuard guard(process_tree_lock);
    session = caller.group->session_ref();
  }
  return make<ProcessGroup>(pid, std::move(session));
}

// The process takes its place in the tree, without a parent. Returns the group that was in the terminal's foreground
// before, to be dropped after unlocking.
Ref<ProcessGroup> enter_tree(Process& process, UserThread& thread, Ref<ProcessGroup> group, SpawnRequest::Place place) {
  Ref<ProcessGroup> before;
  SpinGuard tree(process_tree_lock);
  Pid& pid = *process.pid();
  process.hold();  // the tree's
  pid.process = &process;
  pid.group = group.get();
  if (place == SpawnRequest::Place::new_session) {
    pid.session = &group->session();
    group->session().leader = &process;
  } else if (TerminalJobs* terminal = group->session().terminal; terminal && place == SpawnRequest::Place::foreground_group) {
    before = terminal->put_into_foreground(group);
  }
  enter_group(process, std::move(group));
  SpinGuard guard(process.lock());
  process.threads.push_back(thread);
  process.change_thread_count(+1);
  pid.thread = &thread;
  return before;
}

// The program has been found good: the process is the caller's child, and perhaps the first of its container.
void settle_in(Process& process, Process& parent) {
  SpinGuard guard(process_tree_lock);
  set_parent(process, &parent);
  if (process.container().first_process) return;
  process.container().first_process = &process;
  process.is_init = true;
}

void begin_spawned_thread(void* argument) {
  UserThread& thread = *static_cast<UserThread*>(argument);
  Process& process = thread.process();
  Result<void> outcome;
  {
    const Ref<Start> start = Ref<Start>::adopt(static_cast<Start*>(thread.start_argument));
    outcome = execute(thread, thread.user_registers(), std::move(start->program), start->request.path,
                      std::move(start->request.arguments));
    if (outcome) settle_in(process, start->caller.process());
    start->outcome = outcome;
    start->decided.store(true, std::memory_order_release);  // pairs with acquire in spawn()
    start->waiting.wake_all();
  }
  if (!outcome) exit_process({WaitStatus::Kind::exited, 127});
  enter_user_mode(thread);
}

}  // namespace

Result<int> spawn(UserThread& caller, Container& container, SpawnRequest request) {
  Process& parent = caller.process();
  Process::Parts parts = TRY(make_parts(caller, container, request));
  const Caller inside{*parts.fs, *parts.credentials};
  Ref<File> program = TRY(open_file(inside, {.name = request.path}, {.flags = open_flag::execute}));
  Ref<Start> start = TRY(make<Start>(caller, request, std::move(program)));

  Ref<Pid> pid = TRY(Pid::allocate(container));
  Ref<Process> process = TRY(make<Process>(pid, std::move(parts)));
  process->limits = parent.limits;
  Ref<ProcessGroup> group = TRY(make_group(parent, pid, request.place));
  Ref<UserThread> thread = TRY(UserThread::create(*process, pid, &begin_spawned_thread));
  TRY(container.enter());
  thread->start_argument = Ref<Start>(start).leak();  // the thread's own
  enter_tree(*process, *thread, std::move(group), request.place);
  sched::start(*thread);
  (void)start->waiting.wait([&] { return start->decided.load(std::memory_order_acquire); }, Wait::uninterruptible);
  TRY(start->outcome);
  return pid->number_in(parent.container());
}

}  // namespace cv6
