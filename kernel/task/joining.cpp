// A process moves into a container and back: join and leave of container_operations.hpp.
//
// Its other threads stand still meanwhile (standstill.hpp), so that nothing of the process changes but by the caller.
#include "container/manager.hpp"
#include "fs/mapped_file.hpp"
#include "fs/operations.hpp"
#include "sched/pace.hpp"
#include "task/container_operations.hpp"
#include "task/exit.hpp"
#include "task/process_tree.hpp"
#include "task/standstill.hpp"

namespace cv6 {

struct Home {
  Home(Container& from, Path root, Path working_directory)
      : container(&from), root(std::move(root)), working_directory(std::move(working_directory)) {
    container->note_away(+1);
  }
  ~Home() { container->note_away(-1); }
  const Ref<Container> container;
  const Path root, working_directory;
};

bool has_joined(const Process& process) { return static_cast<bool>(process.home); }

Ref<Container> home_of(const Process& process) { return process.home ? process.home->container : nullptr; }

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

// All threads: none comes while they stand still (one may still go).
Result<Threads> threads_of(Process& process) {
  Threads threads;
  TRY(threads.reserve(process.thread_count()));
  SpinGuard guard(process.lock());
  for (UserThread& thread : process.threads) TRY(threads.push_back(Ref<UserThread>(&thread)));
  return threads;
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

// Threads that were made inside have no number but those that begin there. Outside they need others, one for each place
// in `threads` (null: it has one).
Result<Vector<Ref<Pid>>> new_numbers(const Threads& threads, Container& outside) {
  Vector<Ref<Pid>> numbers;
  TRY(numbers.reserve(threads.size()));
  for (const Ref<UserThread>& thread : threads)
    TRY(numbers.push_back(&thread->tid()->home() == &outside ? Ref<Pid>() : TRY(Pid::allocate(outside))));
  return numbers;
}

// The same directory as the container shows it, or its root. Error::nomem: that cannot be told.
Result<Path> directory_inside(Process& process, const Path& root) {
  Own<char[]> buffer(new (std::nothrow) char[path_max]);
  if (!buffer) return Error::nomem;
  const auto text = path_text(process.fs().working_directory(), process.fs().root(), {buffer.get(), path_max});
  if (!text || !text->reachable || text->removed) return root;
  const auto inside = TRY(FsContext::create(root, root));
  const Caller caller{*inside, process.credentials()};
  auto found = resolve(caller, At{nullptr, text->text}, Follow::yes);
  if (found && check_directory(caller, *found)) return *std::move(found);
  if (!found && found.error() == Error::nomem) return Error::nomem;
  return root;
}

// What the process sees of itself and its relatives changes with the place. Its children's parent: visible to them or not.
void renumber(Process& process) REQUIRES(process_tree_lock) {
  process.set_number(process.pid()->number_in(process.container()));
  process.set_parent_number(process.parent ? process.parent->pid()->number_in(process.container()) : 0);
  for (Process& child : process.children) child.set_parent_number(process.pid()->number_in(child.container()));
}

// Its threads are counted in `to`, which is below or above `from`; further up they are already. Error::again: too many.
Result<void> recount(std::uint64_t tasks, Container& from, Container& to) {
  if (!to.is_or_is_below(from))
    from.tasks().uncharge(tasks, &to.tasks());
  else if (!to.tasks().charge(tasks, &from.tasks()))
    return Error::again;
  return {};
}

// From here on the process is one of `to`, for everybody at the same moment: whoever ends one of the containers finds it
// there, or it is too late for it (Error::srch: `to` is stopping; again: it is full; and nothing has changed). What must
// happen at that moment as well is done by `at_once`, under the tree's lock.
template <class AtOnce>
Result<void> change_container(Process& process, Container& to, Ref<UserAccount> account, AtOnce at_once) {
  Ref<Container> container(&to);  // both become the former ones, which go after the locks
  SpinGuard tree(process_tree_lock);
  {
    SpinGuard guard(process.lock());
    const std::uint64_t tasks = process.thread_count();
    TRY(recount(tasks, process.container(), to));
    if (const auto entered = to.enter(); !entered) {
      (void)recount(tasks, to, process.container());
      return entered;
    }
    account->tasks.fetch_add(tasks, std::memory_order_relaxed);
    std::swap(process.parts().container, container);
    std::swap(process.parts().account, account);
    account->tasks.fetch_sub(tasks, std::memory_order_relaxed);
  }
  at_once();
  renumber(process);
  return {};
}

// Memory and processor time are the new container's from now on.
void charge_to(Container& container, Process& process, const Threads& threads) {
  process.address_space().charge_to(Ref<GuestMemory>(&container.memory()));
  for (const Ref<UserThread>& thread : threads) (void)thread->move_to(container);
}

void destroy_home(Home* home) { delete home; }

void set_origin(Process& process, Ref<Container> origin) {
  SpinGuard guard(process.lock());  // the former one goes after it
  std::swap(process.parts().origin, origin);
}

// Before others inside can see it: a program of theirs that changed its memory could have it leave, and would be outside.
void note_origin(Process& process, Container& from) {
  if (!process.parts().origin) set_origin(process, Ref<Container>(&from));
}

void forget_origin(Process& process, const Container& home) {
  if (process.parts().origin == &home) set_origin(process, nullptr);
}

}  // namespace

Result<void> join(UserThread& caller, Container& container) {
  Process& process = caller.process();
  Container& from = process.container();
  if (&container == &from || !container.is_or_is_below(from)) return Error::srch;
  if (!process.credentials().privileged()) return Error::perm;
  if (process.home || process.is_init) return Error::busy;
  if (shares_with_others(process)) return Error::inval;  // at once: who shares by vfork(2) would not stand still
  Standstill others(caller);
  TRY(others.begin());
  if (!process.credentials().privileged()) return Error::perm;
  if (shares_with_others(process)) return Error::inval;
  std::unique_ptr<Home, void (*)(Home*)> home(
      new (std::nothrow) Home(from, process.fs().root(), process.fs().working_directory()), &destroy_home);
  if (!home) return Error::nomem;
  Ref<UserAccount> account = TRY(UserAccount::find_or_create(container, process.credentials().ids().user));
  const Path root = container.root();
  if (!root) return Error::srch;
  Path directory = TRY(directory_inside(process, root));
  const Threads threads = TRY(threads_of(process));
  TRY(take_numbers(process, threads, container));
  note_origin(process, from);
  const auto moved = [&]() -> Result<void> {
    TRY(process.files().move_down_to(*container.descriptors()));
    const auto changed = change_container(process, container, std::move(account), [&] {
      for (const Ref<UserThread>& thread : threads) thread->set_number(thread->tid()->number_in(container));
    });
    if (!changed) process.files().move_up_to(from.descriptors());
    return changed;
  }();
  if (!moved) {
    forget_origin(process, from);
    process.pid()->leave();
    give_numbers_back(threads);
    return moved;
  }
  process.fs().move_to(root, std::move(directory));
  charge_to(container, process, threads);
  process.home = std::move(home);
  from.leave();  // a temporary one stays, since the process may come back
  return {};
}

namespace {

bool was_opened_in(const File& file, const void* tree) {
  return file.opened_in() == *static_cast<const std::uint64_t*>(tree);
}

void unmap_files_of(Process& process, std::uint64_t tree) {
  AddressSpace& space = process.address_space();
  AddressSpace::Description mapping;
  sched::Pace pace;  // there may be tens of thousands of mappings
  for (std::uintptr_t at = 0; space.describe(at, mapping); at = mapping.end) {
    const auto* place = static_cast<const MappedFile*>(mapping.found_at.get());
    if (place && place->path().mount && place->path().mount->tree() == tree) (void)space.unmap(mapping.start, mapping.end - mapping.start);
    mapping.object = nullptr;
    mapping.found_at = nullptr;
    pace.step();
  }
}

// Files, mappings and directories of inside are given up. The caller is in `inside` still, so that it keeps its root.
void let_go_of_files(Process& process, Container& inside) {
  const Path root = inside.root();
  const std::uint64_t tree = root.mount->tree();
  process.files().close_if(&was_opened_in, &tree);
  unmap_files_of(process, tree);
  process.fs().move_to(process.home->root, process.home->working_directory);
}

}  // namespace

Result<void> leave(UserThread& caller) {
  Process& process = caller.process();
  const Ref<Container> inside = process.container_ref();
  // A program that was executed here is of this place, whoever executed it.
  if (!process.home || !process.parts().origin) {
    if (inside->is_host()) return Error::srch;
    begin_exit({WaitStatus::Kind::exited, 0});
    caller.notice_signals();
    return {};
  }
  if (shares_with_others(process)) return Error::inval;
  Standstill others(caller);
  TRY(others.begin());
  if (shares_with_others(process)) return Error::inval;
  Container& outside = *process.home->container;
  Ref<UserAccount> account = TRY(UserAccount::find_or_create(outside, process.credentials().ids().user));
  const Threads threads = TRY(threads_of(process));
  Vector<Ref<Pid>> numbers = TRY(new_numbers(threads, outside));
  let_go_of_files(process, *inside);
  const auto moved = change_container(process, outside, std::move(account), [&] {
    process.pid()->leave();
    give_numbers_back(threads);
    for (std::size_t i = 0; i < threads.size(); ++i)
      if (numbers[i])
        threads[i]->exchange_number(numbers[i]);
      else
        threads[i]->set_number(threads[i]->tid()->number_in(outside));
  });
  if (!moved) {  // its home is being destroyed
    begin_exit({WaitStatus::Kind::exited, 0});
    caller.notice_signals();
    return {};
  }
  process.files().move_up_to(outside.descriptors());
  charge_to(outside, process, threads);
  forget_origin(process, outside);
  process.home.reset();
  inside->leave();
  destroy_if_over(*inside);
  return {};
}

}  // namespace cv6
