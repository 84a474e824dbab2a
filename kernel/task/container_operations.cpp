#include "task/container_operations.hpp"

#include "container/manager.hpp"
#include "fs/operations.hpp"
#include "task/exit.hpp"
#include "task/home.hpp"
#include "task/new_process.hpp"
#include "task/terminal_jobs.hpp"

namespace cv6 {

// --- spawn ------------------------------------------------------------------------------------------------------------

namespace {

Result<Ref<FsContext>> view_of(Container& container, const Credentials& credentials, std::string_view directory, Mode umask) {
  Ref<FsContext> fs = TRY(FsContext::create(container.root(), container.root(), umask));
  const Caller caller{*fs, credentials};
  Path path = TRY(resolve(caller, At{nullptr, directory}, Follow::yes));
  TRY(check_directory(caller, path));
  fs->set_working_directory(std::move(path));
  return fs;
}

Result<Ref<DescriptorTable>> pass_descriptors(Process& caller, std::span<const SpawnRequest::Passed> passed) {
  Ref<DescriptorTable> files = TRY(DescriptorTable::create());
  for (const SpawnRequest::Passed& one : passed)
    TRY(files->put(one.to, TRY(caller.files().get(one.from)), CloseOnExec::no, open_files_ceiling));
  return files;
}

Result<Ref<ProcessGroup>> group_for(Process& caller, Process& process, SpawnRequest::Place place) {
  if (place == SpawnRequest::Place::new_session) return make_session(process);
  Ref<ProcessGroup> group = TRY(make<ProcessGroup>(process.pid(), caller.group->session_ref()));
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

}  // namespace

Result<int> spawn(UserThread& caller, Container& container, SpawnRequest request) {
  Process& parent = caller.process();
  NewProcessRequest wanted;
  wanted.container = Ref<Container>(&container);
  wanted.credentials = request.credentials ? request.credentials : Ref<const Credentials>(&Credentials::root());
  wanted.fs = TRY(view_of(container, *wanted.credentials, request.directory, request.umask));
  wanted.files = TRY(pass_descriptors(parent, request.descriptors));
  wanted.path = request.path;
  wanted.arguments = &request.arguments;
  NewProcess made = TRY(make_new_process(wanted));
  auto group = group_for(parent, *made.process, request.place);
  auto entered = group ? container.enter() : Result<void>(group.error());
  if (!entered) {
    discard_new_process(made);
    return entered.error();
  }
  Ref<ProcessGroup> background;
  {
    SpinGuard guard(process_tree_lock);
    start_new_process(made, &parent, *group);
    if (!container.first_process && container.process_count() == 1) {
      container.first_process = made.process.get();
      made.process->is_init = true;
    }
    if (request.place == SpawnRequest::Place::foreground_group) background = pass_foreground(parent, *group);
  }
  const int number = made.process->pid()->number_in(parent.container());
  sched::start(*made.thread);
  return number;
}

// --- join and leave ---------------------------------------------------------------------------------------------------

namespace {

bool shares_with_others(const Process& process) {
  return process.address_space().references() > 1 || process.files().references() > 1 || process.fs().references() > 1;
}

using Threads = Vector<Ref<UserThread>>;

// All threads; while they are being looked at others may come: see is_complete().
Result<Threads> threads_of(Process& process) {
  Threads threads;
  TRY(threads.reserve(process.thread_count() + 4));
  SpinGuard guard(process.lock());
  for (UserThread& thread : process.threads) {
    if (threads.size() == threads.capacity()) return Error::again;
    (void)threads.push_back(Ref<UserThread>(&thread));
  }
  return threads;
}

bool is_complete(Process& process, const Threads& threads) {
  SpinGuard guard(process.lock());
  std::size_t found = 0;
  for (UserThread& thread : process.threads)
    for (const Ref<UserThread>& known : threads) found += known == &thread;
  return found == process.thread_count();
}

void give_numbers_back(const Threads& threads) {
  for (const Ref<UserThread>& thread : threads) thread->tid()->leave();
}

// Numbers there for the process and its threads, or for none.
Result<void> take_numbers(const Process& process, const Threads& threads, Container& container) {
  bool first_is_there = false;
  auto outcome = [&] -> Result<void> {
    for (const Ref<UserThread>& thread : threads) {
      TRY(thread->tid()->join(container));
      first_is_there |= thread->tid() == process.pid();
    }
    if (!first_is_there) TRY(process.pid()->join(container));
    return {};
  }();
  if (!outcome) give_numbers_back(threads);
  return outcome;
}

// The same directory as the container shows it, or its root.
Path directory_inside(Process& process, Container& container) {
  Own<char[]> buffer(new (std::nothrow) char[path_max]);
  if (!buffer) return container.root();
  const auto text = path_text(process.fs().working_directory(), process.fs().root(), {buffer.get(), path_max});
  if (!text || !text->reachable || text->removed) return container.root();
  auto inside = FsContext::create(container.root(), container.root());
  if (!inside) return container.root();
  const Caller caller{**inside, process.credentials()};
  auto found = resolve(caller, At{nullptr, text->text}, Follow::yes);
  if (!found || !check_directory(caller, *found)) return container.root();
  return *std::move(found);
}

// From here on the process is one of `to`. What was before is in what comes back, to be dropped without locks.
struct Former {
  Ref<Container> container;
  Ref<UserAccount> account;
};
Former move_process(Process& process, const Threads& threads, Container& to, Ref<UserAccount> account) {
  Former former;
  process.address_space().charge_to(Ref<GuestMemory>(&to.memory()));
  for (const Ref<UserThread>& thread : threads) sched::move(*thread, to.sched_context());
  const std::uint64_t tasks = process.thread_count();
  SpinGuard tree(process_tree_lock);
  SpinGuard guard(process.lock());
  former.container = std::exchange(process.parts().container, Ref<Container>(&to));
  former.account = std::exchange(process.parts().account, account);
  former.account->tasks.fetch_sub(tasks, std::memory_order_relaxed);
  account->tasks.fetch_add(tasks, std::memory_order_relaxed);
  process.set_number(process.pid()->number_in(to));
  process.set_parent_number(process.parent ? process.parent->pid()->number_in(to) : 0);
  for (const Ref<UserThread>& thread : threads) thread->set_number(thread->tid()->number_in(to));
  return former;
}

void destroy_home(Home* home) { delete home; }

}  // namespace

bool has_joined(const Process& process) { return process.home != nullptr; }

Result<void> join(UserThread& caller, Container& container) {
  Process& process = caller.process();
  Container& from = process.container();
  if (&container == &from || !container.is_or_is_below(from)) return Error::srch;
  if (!process.credentials().privileged()) return Error::perm;
  if (process.home || process.is_init) return Error::busy;
  if (shares_with_others(process)) return Error::inval;
  std::unique_ptr<Home, void (*)(Home*)> home(new (std::nothrow) Home, &destroy_home);
  if (!home) return Error::nomem;
  *home = {Ref<Container>(&from), process.fs().root(), process.fs().working_directory()};
  Ref<UserAccount> account = TRY(UserAccount::find_or_create(container, process.credentials().ids().user));
  const Threads threads = TRY(threads_of(process));
  TRY(container.enter());
  auto numbered = take_numbers(process, threads, container);
  if (numbered && !is_complete(process, threads)) {
    give_numbers_back(threads);
    numbered = Error::again;
  }
  if (!numbered) {
    container.leave();
    return numbered;
  }
  process.fs().move_to(container.root(), directory_inside(process, container));
  const Former former = move_process(process, threads, container, std::move(account));
  process.home = std::move(home);
  from.leave();
  return {};
}

namespace {

bool was_opened_in(const File& file, const void* tree) {
  return file.path().mount && file.path().mount->tree() == *static_cast<const std::uint64_t*>(tree);
}

// Is this the device number of a file system that only the tree of these mounts shows?
bool is_device_of(Mount& root, std::uint64_t device) {
  for (Ref<Mount> mount = root.next_in_tree(0); mount; mount = root.next_in_tree(mount->id()))
    if (mount->file_system().device() == device && mount->file_system().in_view() == FileSystem::InView::copied_on_write)
      return true;
  return false;
}

void unmap_files_of(Process& process, Container& container) {
  AddressSpace& space = process.address_space();
  AddressSpace::Description mapping;
  for (std::uintptr_t at = 0; space.describe(at, mapping); at = mapping.end) {
    if (mapping.object && is_device_of(*container.root().mount, mapping.object->label().device))
      (void)space.unmap(mapping.start, mapping.end - mapping.start);
    mapping.object = nullptr;
  }
}

}  // namespace

Result<void> leave(UserThread& caller) {
  Process& process = caller.process();
  const Ref<Container> inside = process.container_ref();
  if (!process.home) {
    if (inside->is_host()) return Error::srch;
    exit_process({WaitStatus::Kind::exited, 0});
  }
  if (shares_with_others(process)) return Error::inval;
  Container& outside = *process.home->container;
  Ref<UserAccount> account = TRY(UserAccount::find_or_create(outside, process.credentials().ids().user));
  const Threads threads = TRY(threads_of(process));
  if (!is_complete(process, threads)) return Error::again;
  if (!outside.enter()) exit_process({WaitStatus::Kind::exited, 0});  // its home is being destroyed
  const std::uint64_t tree = inside->root().mount->tree();
  process.files().close_if(&was_opened_in, &tree);
  unmap_files_of(process, *inside);
  process.fs().move_to(process.home->root, process.home->working_directory);
  process.pid()->leave();
  give_numbers_back(threads);
  const Former former = move_process(process, threads, outside, std::move(account));
  process.home.reset();
  inside->leave();
  return {};
}

// --- destroy ----------------------------------------------------------------------------------------------------------

namespace {

// The container and everything below it, parents first.
Result<Vector<Ref<Container>>> subtree_of(Container& top) {
  Vector<Ref<Container>> all;
  TRY(all.push_back(Ref<Container>(&top)));
  for (int after = Container::host_id; Ref<Container> below = ContainerManager::next(top, after);) {
    after = below->id();
    TRY(all.push_back(std::move(below)));
  }
  return all;
}

}  // namespace

Result<void> destroy(UserThread& caller, Container& container) {
  if (caller.process().container().is_or_is_below(container)) return Error::busy;
  const auto all = TRY(subtree_of(container));
  if (!container.begin_stopping()) return Error::srch;
  for (const Ref<Container>& one : all) (void)one->begin_stopping();
  for (const Ref<Container>& one : all) kill_everything_in(*one, Await::yes);
  for (const Ref<Container>& one : all) {
    one->set_root({});  // zombies that nobody has reaped keep the object, but nothing of its files
    ContainerManager::remove(*one);
  }
  return {};
}

}  // namespace cv6
