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

// --- numbers ----------------------------------------------------------------------------------------------------------

void leave_numbers(Process& process) {
  process.for_each_thread([](UserThread& thread) { thread.tid()->leave(); });
  process.pid()->leave();
}

Result<void> take_numbers(Process& process, Container& container) {
  Result<void> outcome = process.pid()->join(container);
  process.for_each_thread([&](UserThread& thread) {
    if (outcome && thread.tid() != process.pid()) outcome = thread.tid()->join(container);
  });
  if (!outcome) leave_numbers(process);
  return outcome;
}

// --- moving -----------------------------------------------------------------------------------------------------------

// The process is in `container` from here on, where it has numbers already. Returns where it was.
Ref<Container> move_to(Process& process, Ref<Container> container, Ref<UserAccount> account) {
  process.address_space().charge_to(Ref<GuestMemory>(&container->memory()));
  {
    SpinGuard tree(process_tree_lock);
    SpinGuard guard(process.lock());
    const unsigned tasks = process.thread_count();
    process.parts().account->tasks.fetch_sub(tasks, std::memory_order_relaxed);
    account->tasks.fetch_add(tasks, std::memory_order_relaxed);
    std::swap(process.parts().account, account);
    std::swap(process.parts().container, container);
    Container& now = process.container();
    process.set_number(process.pid()->number_in(now));
    process.set_parent_number(process.parent ? process.parent->pid()->number_in(now) : 0);
    for (UserThread& thread : process.threads) {
      thread.set_number(thread.tid()->number_in(now));
      sched::move(thread, now.sched_context());
    }
  }
  return container;
}

// The directory of the same path in another tree, or that tree's root.
Path same_directory(Process& process, const Path& other_root) {
  char buffer[path_max];
  const Path root = process.fs().root();
  auto text = path_text(process.fs().working_directory(), root, buffer);
  if (!text || !text->reachable || text->removed) return other_root;
  auto context = FsContext::create(other_root, other_root);
  if (!context) return other_root;
  const Caller caller{**context, process.credentials()};
  auto found = resolve(caller, {.name = text->text}, Follow::yes);
  return found && check_directory(caller, *found) ? *found : other_root;
}

// --- what was opened inside -------------------------------------------------------------------------------------------

void close_files_of(Process& process, std::uint64_t tree) {
  process.files().close_if(
      [](const File& file, const void* context) {
        return file.path() && file.path().mount->tree() == *static_cast<const std::uint64_t*>(context);
      },
      &tree);
}

bool is_mounted_in(Mount& root, std::uint64_t device) {
  for (Ref<Mount> mount(&root); mount; mount = mount->next_in_tree(mount->id()))
    if (mount->file_system().in_view() == FileSystem::InView::copied_on_write &&
        mount->file_system().device() == device)
      return true;
  return false;
}

// What maps files of the tree whose root mount this is goes, programs' own text included: whoever executes a program of
// the container cannot go on outside of it.
Result<void> unmap_files_of(AddressSpace& space, Mount& root) {
  AddressSpace::Description mapping{};
  for (std::uintptr_t at = 0; space.describe(at, mapping); at = mapping.end)
    if (mapping.object && is_mounted_in(root, mapping.object->label().device))
      TRY(space.unmap(mapping.start, mapping.end - mapping.start));
  return {};
}

}  // namespace

Result<void> join(UserThread& caller, Container& container) {
  Process& process = caller.process();
  if (!process.credentials().privileged()) return Error::perm;
  if (process.home) return Error::busy;
  if (&container == &process.container() || !container.is_or_is_below(process.container())) return Error::srch;
  if (shares_with_others(process)) return Error::inval;

  Own<Home> home = TRY(make_own<Home>(process.container_ref(), process.fs().root(), process.fs().working_directory()));
  Ref<UserAccount> account = TRY(UserAccount::find_or_create(container, process.credentials().ids().user));
  Path directory = same_directory(process, container.root());
  TRY(container.enter());
  if (auto numbers = take_numbers(process, container); !numbers) {
    container.leave();
    return numbers;
  }
  move_to(process, Ref<Container>(&container), std::move(account))->leave();
  process.fs().move_to(container.root(), std::move(directory));
  process.home = {home.release(), [](Home* gone) { delete gone; }};
  return {};
}

Result<void> leave(UserThread& caller) {
  Process& process = caller.process();
  if (!process.home) {
    if (process.container().is_host()) return Error::srch;
    exit_process({WaitStatus::Kind::exited, 0});
  }
  Home& home = *process.home;
  const Path inside = process.container().root();
  Ref<UserAccount> account = TRY(UserAccount::find_or_create(*home.container, process.credentials().ids().user));
  TRY(unmap_files_of(process.address_space(), *inside.mount));
  TRY(home.container->enter());
  close_files_of(process, inside.mount->tree());
  process.fs().move_to(home.root, home.working_directory);
  Ref<Container> left = move_to(process, home.container, std::move(account));
  leave_numbers(process);
  process.home.reset();
  left->leave();
  return {};
}

}  // namespace cv6
