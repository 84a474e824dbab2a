// A process moves into a container and back: join and leave of container_operations.hpp.
#include "container/manager.hpp"
#include "fs/operations.hpp"
#include "sched/scheduler.hpp"
#include "task/container_operations.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"

namespace cv6 {

struct Home {
  Ref<Container> container;
  Path root, working_directory;
};

bool has_joined(const Process& process) { return static_cast<bool>(process.home); }

namespace {

// --- what a process shares with others --------------------------------------------------------------------------------

bool shares_parts(const Process::Parts& a, const Process::Parts& b) {
  return a.address_space == b.address_space || a.files == b.files || a.fs == b.fs || a.handlers == b.handlers;
}

// A count of one means that nobody shares it. More may also be somebody who just looks (procfs), so the processes
// themselves decide: any that shares is visible from the host, since all are.
bool shares_with_others(Process& process) {
  const Process::Parts& own = process.parts();
  if (own.address_space->references() == 1 && own.files->references() == 1 && own.fs->references() == 1 &&
      own.handlers->references() == 1)
    return false;
  for (int at = 0; Ref<Process> other = next_process(ContainerManager::host(), at);) {
    if (other.get() == &process) continue;
    SpinGuard guard(other->lock());
    if (other->parts().address_space && shares_parts(other->parts(), own)) return true;
  }
  return false;
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

}  // namespace cv6
