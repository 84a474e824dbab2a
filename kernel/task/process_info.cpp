#include "task/process_info.hpp"

#include "task/process_tree.hpp"
#include "task/terminal_jobs.hpp"

namespace cv6 {

namespace {

char state_of(const UserThread& thread) {
  if (thread.stopped) return 'T';
  switch (thread.state()) {
    case Thread::State::created:
    case Thread::State::runnable:
    case Thread::State::running: return 'R';
    case Thread::State::parked: return 'S';
    case Thread::State::dead: return 'X';
  }
  __builtin_unreachable();
}

void add_relations(ProcessInfo& info, Process& process, const Container& viewer) {
  SpinGuard guard(process_tree_lock);
  if (process.state() != Process::State::alive) info.state = process.state() == Process::State::zombie ? 'Z' : 'X';
  info.container = process.container().id();
  info.parent = process.parent ? process.parent->pid()->number_in(viewer) : 0;
  info.exit_signal = process.exit_signal;
  info.children_usage = process.children_usage;
  if (process.state() != Process::State::alive) info.usage = process.own_usage_at_end;
  if (!process.group) return;
  const Session& session = process.group->session();
  info.group = process.group->pid()->number_in(viewer);
  info.session = session.pid()->number_in(viewer);
  if (!session.terminal) return;
  info.terminal = session.terminal->device().device();
  if (const ProcessGroup* foreground = session.terminal->foreground())
    info.foreground_group = foreground->pid()->number_in(viewer);
}

void add_thread(ProcessInfo& info, const UserThread& thread) {
  info.state = state_of(thread);
  info.name = thread.name;
  info.cpu = thread.last_cpu();
  info.blocked = thread.mask();
  info.thread_pending = thread.pending.set();
}

// A process runs if one of its threads does.
VirtualState virtual_state_of(Process& process) {
  VirtualState most = VirtualState::waiting;
  process.for_each_thread([&](const UserThread& thread) {
    const VirtualState state = thread.virtual_state();
    if (state == VirtualState::running || most == VirtualState::waiting) most = state;
  });
  return most;
}

void add_parts(ProcessInfo& info, Process& process) {
  {
    SpinGuard guard(process.lock());  // exec may replace the handlers
    const SignalHandlers::Sets sets = process.handlers().sets();
    info.ignored = sets.ignored;
    info.caught = sets.caught;
    if (process.parts().fs) info.umask = process.fs().umask();
  }
  const Ref<const Credentials> credentials = process.hold_credentials();
  info.ids = credentials->ids();
  info.groups = credentials->group_set();
  if (const Ref<AddressSpace> space = process.hold_address_space()) info.memory = space->usage();
  (void)process.with_files([&](DescriptorTable& files) { info.descriptors = files.capacity(); });
}

}  // namespace

ProcessInfo process_info(Process& process, const Container& viewer) {
  ProcessInfo info;
  info.number = process.pid()->number_in(viewer);
  if (const Ref<UserThread> thread = process.some_thread()) {
    add_thread(info, *thread);
    info.usage = usage_of(process);
    info.virtual_state = virtual_state_of(process);
  }
  info.name = process.shown_name();
  info.threads = process.thread_count();
  info.nice = process.shown_nice();
  info.start_time = process.start_time();
  info.ranges = process.ranges;
  info.pending = process.pending.set();
  info.no_new_privileges = process.no_new_privileges;
  add_parts(info, process);
  {
    const Ref<UserAccount> account = process.hold_account();
    info.queued_signals = account->queued_signals.load(std::memory_order_relaxed);
  }
  info.queued_signals_limit = process.limits[Resource::pending_signals].soft;
  add_relations(info, process, viewer);
  return info;
}

ThreadInfo thread_info(UserThread& thread, const Container& viewer) {
  ThreadInfo info;
  info.number = thread.hold_tid()->number_in(viewer);
  info.state = state_of(thread);
  info.name = thread.name;
  const UserThread::Times times = thread.times();
  info.user_time = times.user;
  info.system_time = times.system;
  info.cpu = thread.last_cpu();
  info.nice = thread.nice();
  info.pending = thread.pending.set();
  info.blocked = thread.mask();
  return info;
}

Ref<UserThread> next_thread(Process& process, const Container& viewer, int after) {
  UserThread* best = nullptr;
  int best_number = 0;
  SpinGuard guard(process.lock());
  for (UserThread& thread : process.threads) {
    const int number = thread.tid()->number_in(viewer);
    if (number <= after || (best && number > best_number)) continue;
    best = &thread;
    best_number = number;
  }
  return Ref<UserThread>(best);
}

Ref<UserThread> thread_of(Process& process, const Container& viewer, int number) {
  SpinGuard guard(process.lock());
  for (UserThread& thread : process.threads)
    if (thread.tid()->number_in(viewer) == number) return Ref<UserThread>(&thread);
  return nullptr;
}

namespace {

const Container& origin_of(const Process& process) {
  return process.parts().origin ? *process.parts().origin : process.container();
}

}  // namespace

bool may_inspect(const Process& caller, Process& target) {
  if (&caller == &target) return true;
  if (!origin_of(target).is_or_is_below(origin_of(caller))) return false;
  if (caller.credentials().privileged()) return true;
  const Identities& own = caller.credentials().ids();
  const Identities& other = target.credentials().ids();
  const bool same_user = own.file_user == other.user && own.file_user == other.effective_user && own.file_user == other.saved_user;
  const bool same_group =
      own.file_group == other.group && own.file_group == other.effective_group && own.file_group == other.saved_group;
  return same_user && same_group && target.dumpable;
}

Result<void> check_may_inspect(const Process& caller, Process& target) {
  SpinGuard guard(target.lock());
  if (!may_inspect(caller, target)) return Error::perm;
  return {};
}

}  // namespace cv6
