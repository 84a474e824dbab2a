// A process made directly inside a container: spawn of container_operations.hpp.
//
// Everything that can fail is done by the caller (new_process.hpp), the program's mapping included; so a spawn that fails
// has started nothing.
#include "fs/operations.hpp"
#include "task/container_operations.hpp"
#include "task/new_process.hpp"
#include "task/terminal_jobs.hpp"

namespace cv6 {

namespace {

Result<Ref<FsContext>> view_of(Container& container, const Credentials& credentials, std::string_view directory, Mode umask) {
  const Path root = container.root();
  if (!root) return Error::srch;
  Ref<FsContext> fs = TRY(paid_by(container, [&] { return FsContext::create(root, root, umask); }));
  const Caller caller{*fs, credentials};
  Path path = TRY(resolve(caller, At{nullptr, directory}, Follow::yes));
  TRY(check_directory(caller, path));
  fs->set_working_directory(std::move(path));
  return fs;
}

Result<Ref<DescriptorTable>> pass_descriptors(Process& caller, Container& container, std::span<const SpawnRequest::Passed> passed) {
  Ref<DescriptorTable> files = TRY(paid_by(container, [&] { return DescriptorTable::create(container.descriptors()); }));
  for (const SpawnRequest::Passed& one : passed)
    TRY(files->put(one.to, TRY(caller.files().get(one.from)), CloseOnExec::no, open_files_ceiling));
  return files;
}

// What it has as descriptor 0, if that is to be its session's terminal; else null.
Result<Ref<File>> terminal_for(const SpawnRequest& request, DescriptorTable& files) {
  if (request.place != SpawnRequest::Place::terminal_session) return Ref<File>();
  Ref<File> file = TRY(files.get(0));
  if (!file->job_control()) return Error::notty;
  return file;
}

TerminalJobs* jobs_of(const Ref<File>& terminal) {
  return terminal ? static_cast<TerminalJobs*>(terminal->job_control()) : nullptr;
}

Result<Ref<ProcessGroup>> group_for(Process& caller, Process& process, SpawnRequest::Place place) {
  using Place = SpawnRequest::Place;
  if (place == Place::new_session || place == Place::terminal_session) return make_session(process);
  Ref<ProcessGroup> group = TRY(make<ProcessGroup>(process.pid(), hold_group(caller)->session_ref()));
  SpinGuard guard(process_tree_lock);
  process.pid()->group = group.get();
  return group;
}

// A process of the foreground passes it on; others have nothing to pass.
Ref<ProcessGroup> pass_foreground(Process& caller, const Ref<ProcessGroup>& group) REQUIRES(process_tree_lock) {
  TerminalJobs* terminal = group->session().terminal;
  if (!terminal || terminal->foreground() != caller.group.get()) return nullptr;
  return terminal->put_into_foreground(group);
}

// Into its container and the tree at once: see clone.cpp. Error::srch: the container is stopping; restart_if_asked: the parent
// is being ended and makes no more children.
Result<void> enter_and_start(Process& parent, Container& container, NewProcess& made, const Ref<ProcessGroup>& group,
                             SpawnRequest::Place place, TerminalJobs* terminal) {
  Ref<ProcessGroup> background;  // goes after the lock
  SpinGuard guard(process_tree_lock);
  if (parent.ending()) return Error::restart_if_asked;
  if (terminal && terminal->taken()) return Error::perm;
  TRY(container.enter());
  start_new_process(made, &parent, group);
  if (!container.first_process && container.process_count() == 1) {
    container.first_process = made.process.get();
    made.process->is_init = true;
    container.note_start();
  }
  if (terminal) terminal->give_to(group);
  if (place == SpawnRequest::Place::foreground_group) background = pass_foreground(parent, group);
  return {};
}

}  // namespace

Result<int> spawn(UserThread& caller, Container& container, SpawnRequest request) {
  Process& parent = caller.process();
  NewProcessRequest wanted;
  wanted.container = Ref<Container>(&container);
  wanted.credentials = request.credentials ? request.credentials : Ref<const Credentials>(&Credentials::root());
  wanted.fs = TRY(view_of(container, *wanted.credentials, request.directory, request.umask));
  wanted.files = TRY(pass_descriptors(parent, container, request.descriptors));
  const Ref<File> terminal = TRY(terminal_for(request, *wanted.files));
  wanted.path = request.path;
  wanted.arguments = &request.arguments;
  NewProcess made = TRY(make_new_process(wanted));
  wanted.files = nullptr;  // its own from now on: else it would copy what it seems to share
  wanted.fs = nullptr;
  auto group = group_for(parent, *made.process, request.place);
  const auto started = group ? enter_and_start(parent, container, made, *group, request.place, jobs_of(terminal)) : Result<void>(group.error());
  if (!started) {
    discard_new_process(made);
    return started.error();
  }
  const int number = made.process->pid()->number_in(parent.container());
  sched::start(*made.thread);
  return number;
}

}  // namespace cv6
