#include "task/exit.hpp"

#include "arch/cpu.hpp"
#include "arch/user_memory.hpp"
#include "container/container.hpp"
#include "mm/payer.hpp"
#include "sync/log.hpp"
#include "task/container_operations.hpp"
#include "task/futex.hpp"
#include "task/barrier.hpp"
#include "task/interval_timers.hpp"
#include "task/job_stops.hpp"
#include "task/memory_shortage.hpp"
#include "task/messages.hpp"
#include "task/process_tree.hpp"
#include "task/send_signal.hpp"
#include "task/terminal_jobs.hpp"
#include "task/wait.hpp"

namespace cv6 {

namespace {
bool is_memory_shared(Process& process) {
  return !process.single_threaded() || process.address_space().references() > 1;
}
}  // namespace

void release_user_memory(UserThread& thread) {
  if (thread.robust_list) futex::release_robust_list(thread);
  thread.robust_list = 0;
  if (thread.clear_child_tid && is_memory_shared(thread.process())) {
    // Somebody else is there to see it. A bad address is the program's own fault.
    const std::uint32_t nobody = 0;
    if (arch::copy_to_user(thread.clear_child_tid, &nobody, sizeof nobody) == 0)
      (void)futex::wake(thread, thread.clear_child_tid, futex::Scope::shared, 1);
  }
  thread.clear_child_tid = 0;
  if (thread.vfork_parent) {
    thread.vfork_parent->vfork_done.store(true, std::memory_order_release);
    thread.vfork_parent->vfork_waiting.wake_all();
    thread.vfork_parent = nullptr;
  }
}

namespace {

// The next process above that takes in orphans, prctl(2) PR_SET_CHILD_SUBREAPER, with none of another container in between.
Process* subreaper_above(const Process& ending) REQUIRES(process_tree_lock) {
  for (Process* at = ending.parent; at && &at->container() == &ending.parent->container(); at = at->parent)
    if (at->child_subreaper.load(std::memory_order_relaxed) && at->state() == Process::State::alive) return at;
  return nullptr;
}

// Who gets a child of a process that ends, pid_namespaces(7): somebody of the child's own container. Null: the kernel.
// A container's first process itself goes to the container that `ending` is in.
Process* reaper_for(const Process& ending, const Process& child, Process* subreaper) REQUIRES(process_tree_lock) {
  const Container& container = child.is_init ? ending.container() : child.container();
  if (subreaper && &subreaper->container() == &container) return subreaper;
  Process* first = container.first_process;
  return first != &ending ? first : nullptr;
}

constexpr Nanoseconds clock_tick = nanoseconds_per_second / 100;

// The parent hears of the end. True: nobody will wait for it, so it is to be reaped before the tree's lock is let go,
// or the parent might find it all the same.
bool tell_parent_of_end(Process& process) REQUIRES(process_tree_lock) {
  Process* parent = process.parent;
  if (!parent) return true;
  const int number = process.exit_signal;
  bool ignored = false;
  SignalAction action = {};
  if (number == signal::child) {
    SpinGuard guard(parent->lock());  // exec may replace the handlers
    action = parent->handlers().get(signal::child);
    ignored = action.handler == SignalAction::ignore_handler || action.flags & SignalAction::no_child_wait;
  }
  if (number != 0 && action.handler != SignalAction::ignore_handler) {
    const WaitStatus status = process.exit_status;
    SignalInfo info = signal_from(process, *parent, number, signal_code::child_exited);
    if (status.kind == WaitStatus::Kind::killed) info.code = signal_code::child_killed;
    info.kind = SignalInfo::Kind::child;
    info.status = status.code;
    info.user_time = process.own_usage_at_end.user_time / clock_tick;
    info.system_time = process.own_usage_at_end.system_time / clock_tick;
    (void)deliver(*parent, info);
  }
  parent->children_changed.wake_all();
  return ignored;
}

// Zombies that nobody will wait for: out of the reach of every parent, but not yet reaped.
using ZombieList = List<Process, &Process::sibling_node>;

// Children go to the reaper; those that nobody will wait for come into `unwanted`.
void give_children_away(Process& ending, ZombieList& unwanted) REQUIRES(process_tree_lock) {
  if (ending.children.empty()) return;
  Process* subreaper = subreaper_above(ending);
  while (Process* child = ending.children.front()) {
    Process* reaper = reaper_for(ending, *child, subreaper);
    set_parent(*child, reaper);
    child->exit_signal = signal::child;
    if (child->state() == Process::State::zombie && tell_parent_of_end(*child)) {
      if (reaper) set_parent(*child, nullptr);
      unwanted.push_back(*child);
    }
  }
}

// A group that loses its connection to the rest of its session while it is stopped would wait forever: POSIX sends it
// SIGHUP and SIGCONT (exit(3)).
void wake_if_orphaned(ProcessGroup& group, const Process& ending) REQUIRES(process_tree_lock) {
  bool anyone_stopped = false;
  for (Process& member : group.members) anyone_stopped |= &member != &ending && member.stopping;
  if (!anyone_stopped || !is_orphaned(group, &ending)) return;
  deliver_to_group(group, kernel_signal(signal::hang_up));
  deliver_to_group(group, kernel_signal(signal::continue_));
}

// Each group once, however many children are in it.
void wake_orphaned_groups(Process& ending) REQUIRES(process_tree_lock) {
  static std::uint64_t exits = 0;
  const std::uint64_t this_exit = ++exits;
  if (connects_group(ending)) wake_if_orphaned(*ending.group, ending);
  for (Process& child : ending.children) {
    ProcessGroup& group = *child.group;
    if (&group == ending.group.get() || &group.session() != &ending.group->session()) continue;
    if (std::exchange(group.looked_at_by, this_exit) != this_exit) wake_if_orphaned(group, ending);
  }
}

void signal_children_of_dead_parent(Process& ending) REQUIRES(process_tree_lock) {
  for (Process& child : ending.children) {
    SpinGuard guard(child.lock());
    for (UserThread& thread : child.threads)
      if (thread.parent_death_signal) deliver_locked(child, thread, kernel_signal(thread.parent_death_signal));
  }
}

// Nobody will take them. There may be as many as a user may have pending, or several users.
void drop_pending(Process& process, PendingSignals& pending) {
  if (pending.set().empty()) return;
  const auto drop_some = [&] {
    SpinGuard guard(process.lock());
    return pending.discard_some();
  };
  while (drop_some()) sched::maybe_yield();
}

// Everything that the process has and a zombie does not need.
void let_go(Process& process) {
  drop_pending(process, process.pending);
  drop_timers(process);
  Process::Parts gone;
  decltype(process.mailbox) mailbox{nullptr, nullptr};
  {
    SpinGuard guard(process.lock());
    process.mailbox_closed = true;
    std::swap(mailbox, process.mailbox);
    Process::Parts& parts = process.parts();
    gone.address_space = std::move(parts.address_space);
    gone.files = std::move(parts.files);
    gone.fs = std::move(parts.fs);
    gone.executable = std::move(parts.executable);
    gone.origin = std::move(parts.origin);
  }
  process.drop_former_identities();
  process.home.reset();
  process.barrier = nullptr;
}

[[noreturn]] void end_of_the_host(const Process& process) {
  const WaitStatus status = process.exit_status;
  log(LogLevel::notice, "the first process has {} {}: powering off",
      status.kind == WaitStatus::Kind::exited ? "exited with status" : "been killed by signal", status.code);
  arch::power_off(arch::PowerOff::normal);
}

void end_process(Process& process, UserThread& last) {
  payer::set(nullptr);  // what an end needs is there, whatever the container's limit
  ShortageReport shortage(process);
  process.own_usage_at_end = usage_of(process);
  process.name_at_end = last.name;
  process.nice_at_end = last.nice();
  if (process.is_session_leader()) disassociate_terminal(process);
  const Ref<Container> home = home_of(process);
  let_go(process);
  shortage.print(process);
  if (process.is_init) {
    if (process.container().is_host()) end_of_the_host(process);
    {
      SpinGuard guard(process_tree_lock);
      process.container().first_process = nullptr;
    }
    process.container().note_end(process.exit_status.encode());
    kill_everything_in(process.container(), &process);
  }
  ZombieList unwanted;
  ReapedProcess gone;
  {
    SpinGuard guard(process_tree_lock);
    signal_children_of_dead_parent(process);
    wake_orphaned_groups(process);
    give_children_away(process, unwanted);
    if (process.is_session_leader()) process.pid()->session->leader = nullptr;
    last.tid()->thread = nullptr;
    process.set_state(Process::State::zombie);
    note_memory_freed();
    if (tell_parent_of_end(process)) gone = reap(process);
  }
  while (Process* zombie = unwanted.pop_front()) {
    ReapedProcess child;
    SpinGuard guard(process_tree_lock);
    child = reap(*zombie);
  }
  Container& container = process.container();  // held by the process, which the thread holds
  container.leave();
  destroy_if_over(container);
  if (home) destroy_if_over(*home);  // this one does not come back
}

}  // namespace

namespace {

// A thread that is not the last one: what else refers to it.
void forget_thread(Process& process, UserThread& thread) {
  {
    SpinGuard guard(process_tree_lock);
    if (thread.tid()->thread == &thread) thread.tid()->thread = nullptr;
  }
  if (process.stopping) recheck_stop(process);
  process.threads_changed.wake_all();
}

// Out of the process's list. True: it was the last one.
bool leave_process(Process& process, UserThread& thread, int status) {
  const UserThread::Times times = thread.times();
  SpinGuard guard(process.lock());
  if (thread.tid() == process.pid() && !process.ending()) process.exit_status = {WaitStatus::Kind::exited, status};
  process.threads.remove(thread);
  // What has come since they were dropped. A timer's own signal must not stay: who deletes the timers looks for it in the threads.
  thread.pending.discard(SignalSet::all());
  process.ended_user_time += times.user;
  process.ended_system_time += times.system;
  process.ended_voluntary_switches += thread.voluntary_switches();
  process.ended_involuntary_switches += thread.involuntary_switches();
  process.change_thread_count(-1);
  if (process.threads.empty()) return true;
  pass_on_pending_locked(process, SignalSet::all() - thread.mask());
  process.account().tasks.fetch_sub(1, std::memory_order_relaxed);
  process.container().tasks().uncharge(1);
  return false;
}

}  // namespace

void exit_thread(int status) {
  UserThread& thread = UserThread::current();
  Process& process = thread.process();
  release_user_memory(thread);
  thread.use_address_space(nullptr);  // the last thread frees it
  drop_pending(process, thread.pending);
  if (leave_process(process, thread, status))
    end_process(process, thread);
  else
    forget_thread(process, thread);
  sched::exit();
}

void begin_exit(WaitStatus status) {
  Process& process = UserThread::current().process();
  SpinGuard guard(process.lock());
  if (process.ending()) return;
  process.exit_status = status;
  process.set_ending();
  if (process.single_threaded()) return;
  for (UserThread& thread : process.threads) thread.notice_end();
  process.continued.wake_all();
  process.threads_changed.wake_all();
}

void exit_process(WaitStatus status) {
  begin_exit(status);
  exit_thread(status.code);
}

namespace {

// Processes of containers below have numbers here as well. False: all were ending already.
bool kill_all_found_in(Container& container, const Process* spared) {
  bool any = false;
  for (int at = 0; Ref<Process> process = next_process(container, at);) {
    SpinGuard guard(process_tree_lock);  // it may have left since it was found
    if (process == spared || process->state() != Process::State::alive || process->ending()) continue;
    if (!is_visible(*process, container)) continue;
    kill_process(*process);
    any = true;
  }
  return any;
}

}  // namespace

// Who is ending makes no more children, but where numbers have begun again at the lowest, one may come behind the walk whose
// parent is still before it.
void kill_everything_in(Container& container, const Process* spared) {
  while (kill_all_found_in(container, spared)) {}
}

}  // namespace cv6
