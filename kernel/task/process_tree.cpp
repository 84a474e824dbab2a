#include "task/process_tree.hpp"

#include "container/container.hpp"
#include "sched/scheduler.hpp"
#include "task/terminal_jobs.hpp"

namespace cv6 {

constinit SpinLock process_tree_lock{Rank::process_tree};

// A group or a session goes when its last member does, which happens without locks held. A new one of the same number
// cannot exist meanwhile: the number is taken until the Pid goes.
ProcessGroup::~ProcessGroup() {
  SpinGuard guard(process_tree_lock);
  if (pid_->group == this) pid_->group = nullptr;
  if (session_->former_foreground == this) session_->former_foreground = nullptr;
}

Session::~Session() {
  SpinGuard guard(process_tree_lock);
  if (terminal) terminal->session_ = nullptr;
  if (pid_->session == this) pid_->session = nullptr;
}

// --- finding ----------------------------------------------------------------------------------------------------------

namespace {

Ref<Pid> find_pid(const Container& viewer, int number) {
  return number > 0 ? const_cast<Container&>(viewer).pids().find(number) : nullptr;
}

}  // namespace

Result<Ref<Process>> find_process(const Container& viewer, int number) {
  const Ref<Pid> pid = find_pid(viewer, number);
  if (!pid) return Error::srch;
  SpinGuard guard(process_tree_lock);
  if (!pid->process || !is_visible(*pid->process, viewer)) return Error::srch;
  return Ref<Process>(pid->process);
}

Result<Ref<UserThread>> find_thread(const Container& viewer, int number) {
  const Ref<Pid> pid = find_pid(viewer, number);
  if (!pid) return Error::srch;
  SpinGuard guard(process_tree_lock);
  if (!pid->thread || !is_visible(pid->thread->process(), viewer)) return Error::srch;
  return Ref<UserThread>(pid->thread);
}

Result<Ref<ProcessGroup>> find_group(const Container& viewer, int number) {
  const Ref<Pid> pid = find_pid(viewer, number);
  if (!pid) return Error::srch;
  SpinGuard guard(process_tree_lock);
  if (!pid->group || !pid->group->hold_unless_gone()) return Error::srch;
  return Ref<ProcessGroup>::adopt(pid->group);
}

Ref<Process> next_process(Container& viewer, int& after) {
  Ref<Process> found;
  viewer.pids().for_each(after, [&](Pid& pid, int number) {
    sched::maybe_yield();  // at each number: there may be a million that are threads'
    SpinGuard guard(process_tree_lock);
    after = number;
    if (pid.process && is_visible(*pid.process, viewer)) found = Ref<Process>(pid.process);
    return !found;
  });
  return found;
}

bool is_visible(const Process& process, const Container& viewer) {
  return &process.container() == &viewer || process.container().is_or_is_below(viewer);
}

// --- relations --------------------------------------------------------------------------------------------------------

Ref<ProcessGroup> hold_group(const Process& process) {
  SpinGuard guard(process_tree_lock);
  return process.group;
}

bool connects_group(const Process& process) {
  const ProcessGroup* of_parent = process.parent ? process.parent->group.get() : nullptr;
  return of_parent && of_parent != process.group.get() && &of_parent->session() == &process.group->session();
}

bool is_orphaned(ProcessGroup& group, const Process* without) {
  for (Process& member : group.members) {
    if (&member == without || member.state() != Process::State::alive) continue;
    if (member.parent != without && connects_group(member)) return false;
  }
  return true;
}

void set_parent(Process& process, Process* parent) {
  if (process.parent) List<Process, &Process::sibling_node>::remove(process);
  process.parent = parent;
  if (parent) parent->children.push_back(process);
  process.set_parent_number(parent ? parent->pid()->number_in(process.container()) : 0);
}

void enter_group(Process& process, Ref<ProcessGroup> group) {
  static std::uint64_t entries = 0;
  process.group_entry = ++entries;
  group->members.push_back(process);
  process.group = std::move(group);
}

Process* member_after(ProcessGroup& group, std::uint64_t entry, Process* last) {
  if (last && last->group == &group && last->group_entry == entry) return group.members.next(*last);
  for (Process& member : group.members)
    if (member.group_entry > entry) return &member;
  return nullptr;
}

Ref<ProcessGroup> leave_group(Process& process) {
  List<Process, &Process::group_node>::remove(process);
  return std::move(process.group);
}

// --- calls ------------------------------------------------------------------------------------------------------------

namespace {

// setpgid(2)'s rules about whom. Error::srch, acces, perm.
Result<void> check_may_regroup(const Process& caller, const Process& process) REQUIRES(process_tree_lock) {
  if (process.state() != Process::State::alive) return Error::srch;
  if (&process != &caller) {
    if (process.parent != &caller) return Error::srch;
    if (&process.group->session() != &caller.group->session()) return Error::perm;
    if (process.has_executed.load(std::memory_order_relaxed)) return Error::acces;
  }
  if (process.is_session_leader()) return Error::perm;
  return {};
}

}  // namespace

namespace {

// The process's own group, found or made. Made: it is not the Pid's yet.
Result<Ref<ProcessGroup>> own_group(Process& process) {
  Ref<Session> session;
  {
    SpinGuard guard(process_tree_lock);
    ProcessGroup* existing = process.pid()->group;
    if (existing && existing->hold_unless_gone()) return Ref<ProcessGroup>::adopt(existing);
    if (!process.group) return Error::srch;
    session = process.group->session_ref();
  }
  return make<ProcessGroup>(process.pid(), std::move(session));
}

}  // namespace

Result<void> set_process_group(Process& caller, int process_number, int group_number) {
  if (group_number < 0) return Error::inval;
  const Ref<Process> process = process_number ? TRY(find_process(caller.container(), process_number)) : Ref<Process>(&caller);
  const bool own = group_number == 0 || group_number == process->pid()->number_in(caller.container());
  auto found = own ? own_group(*process) : find_group(caller.container(), group_number);
  if (!found) return found.error() == Error::nomem || own ? found.error() : Error::perm;
  Ref<ProcessGroup> group = *std::move(found);
  Ref<ProcessGroup> old;  // goes after the lock
  SpinGuard guard(process_tree_lock);
  TRY(check_may_regroup(caller, *process));
  if (&group->session() != &process->group->session()) return Error::perm;
  if (own) {
    // A shell and its child both do this at the same time: whose group is there first is it.
    ProcessGroup*& registered = process->pid()->group;
    if (!registered) registered = group.get();
    if (registered != group.get()) {
      if (process->group.get() == registered) return {};
      return Error::perm;
    }
  }
  if (process->group == group) return {};
  old = leave_group(*process);
  enter_group(*process, group);
  return {};
}

Result<int> process_group_of(Process& caller, int number) {
  const Ref<Process> process = number ? TRY(find_process(caller.container(), number)) : Ref<Process>(&caller);
  SpinGuard guard(process_tree_lock);
  if (!process->group) return Error::srch;
  return process->group->pid()->number_in(caller.container());
}

Result<int> session_of(Process& caller, int number) {
  const Ref<Process> process = number ? TRY(find_process(caller.container(), number)) : Ref<Process>(&caller);
  SpinGuard guard(process_tree_lock);
  if (!process->group) return Error::srch;
  return process->group->session().pid()->number_in(caller.container());
}

Result<int> start_session(Process& caller) {
  Ref<Session> session = TRY(make<Session>(caller.pid()));
  Ref<ProcessGroup> group = TRY(make<ProcessGroup>(caller.pid(), session));
  Ref<ProcessGroup> old;
  SpinGuard guard(process_tree_lock);
  if (caller.pid()->group || caller.pid()->session) return Error::perm;
  caller.pid()->session = session.get();
  caller.pid()->group = group.get();
  session->leader = &caller;
  old = leave_group(caller);
  enter_group(caller, std::move(group));
  return caller.number();
}

}  // namespace cv6
