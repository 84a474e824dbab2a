#include "task/terminal_jobs.hpp"

#include "fs/anonymous.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

namespace {

void tell_of_hang_up(ProcessGroup& group) REQUIRES(process_tree_lock) {
  deliver_to_group(group, kernel_signal(signal::hang_up));
  deliver_to_group(group, kernel_signal(signal::continue_));
}

}  // namespace

Result<Own<JobControl>> make_job_control(TerminalDevice& terminal) {
  Own<TerminalJobs> jobs = TRY(make_own<TerminalJobs>(terminal));
  return Own<JobControl>(std::move(jobs));
}

TerminalJobs::~TerminalJobs() {
  Ref<ProcessGroup> group;
  SpinGuard guard(process_tree_lock);
  group = lose_session();
}

bool TerminalJobs::is_of(const Process& process) const {
  return session_ && process.group && &process.group->session() == session_;
}

Ref<ProcessGroup> TerminalJobs::lose_session() {
  if (session_) session_->terminal = nullptr;
  session_ = nullptr;
  if (foreground_) tell_of_hang_up(*foreground_);
  return std::move(foreground_);
}

void TerminalJobs::take(Session& session) {
  session_ = &session;
  session_->terminal = this;
  session_->former_foreground = nullptr;
}

void TerminalJobs::give_to(const Ref<ProcessGroup>& group) {
  take(group->session());
  foreground_ = group;  // there was none, as there was no session
}

namespace {

bool ignores_or_blocks(Process& process, int number) {
  return UserThread::current().mask().contains(number) ||
         process.handlers().get(number).handler == SignalAction::ignore_handler;
}

}  // namespace

Result<void> TerminalJobs::check_access(Access access) {
  Process& caller = Process::current();
  const int number = access == Access::read ? signal::terminal_input : signal::terminal_output;
  SpinGuard guard(process_tree_lock);
  if (!is_of(caller) || !foreground_ || caller.group == foreground_) return {};
  if (ignores_or_blocks(caller, number)) {
    if (access == Access::read) return Error::io;
    return {};
  }
  if (is_orphaned(*caller.group, nullptr)) return Error::io;
  deliver_to_group(*caller.group, kernel_signal(number));
  return Error::restart_if_asked;
}

void TerminalJobs::signal_foreground(int signal) {
  SpinGuard guard(process_tree_lock);
  if (foreground_) deliver_to_group(*foreground_, kernel_signal(signal));
}

// Only the leader hears of it at once. If it dies of it, what was in the foreground is told by its end.
void TerminalJobs::hang_up() {
  Ref<ProcessGroup> group;
  SpinGuard guard(process_tree_lock);
  if (session_ && session_->leader) {
    (void)deliver(*session_->leader, kernel_signal(signal::hang_up));
    (void)deliver(*session_->leader, kernel_signal(signal::continue_));
    if (foreground_ && &foreground_->session() == session_) session_->former_foreground = foreground_.get();
  }
  if (session_) session_->terminal = nullptr;
  session_ = nullptr;
  group = std::move(foreground_);
}

void TerminalJobs::opened() {
  Process& caller = Process::current();
  Ref<ProcessGroup> old;
  SpinGuard guard(process_tree_lock);
  if (!caller.is_session_leader() || caller.group->session().terminal || session_) return;
  take(caller.group->session());
  old = put_into_foreground(caller.group);
}

Result<void> TerminalJobs::acquire(Steal steal) {
  Process& caller = Process::current();
  Ref<ProcessGroup> lost, old;
  SpinGuard guard(process_tree_lock);
  if (caller.is_session_leader() && is_of(caller)) return {};
  if (!caller.is_session_leader() || caller.group->session().terminal) return Error::perm;
  if (session_) {
    if (steal == Steal::no || !caller.credentials().privileged()) return Error::perm;
    if (session_->pid()->number_in(caller.container()) == 0) return Error::perm;  // of a session outside its container
    session_->terminal = nullptr;  // taken away without a signal, as on Linux
    lost = std::move(foreground_);
  }
  take(caller.group->session());
  old = put_into_foreground(caller.group);
  return {};
}

Result<void> TerminalJobs::give_up() {
  Process& caller = Process::current();
  Ref<ProcessGroup> group;
  SpinGuard guard(process_tree_lock);
  if (!is_of(caller)) return Error::notty;
  if (caller.is_session_leader()) group = lose_session();
  return {};
}

Result<int> TerminalJobs::foreground_group() {
  Process& caller = Process::current();
  SpinGuard guard(process_tree_lock);
  if (!is_of(caller)) return Error::notty;
  return foreground_ ? foreground_->pid()->number_in(caller.container()) : 0;
}

Result<void> TerminalJobs::set_foreground_group(int number) {
  Process& caller = Process::current();
  if (number < 0) return Error::inval;
  TRY(check_access(Access::settings));
  auto group = find_group(caller.container(), number);
  Ref<ProcessGroup> old;
  SpinGuard guard(process_tree_lock);
  if (!is_of(caller)) return Error::notty;
  if (!group) return Error::srch;
  if (&(*group)->session() != session_) return Error::perm;
  old = put_into_foreground(*group);
  return {};
}

Result<int> TerminalJobs::session() {
  Process& caller = Process::current();
  SpinGuard guard(process_tree_lock);
  if (!is_of(caller)) return Error::notty;
  return session_->pid()->number_in(caller.container());
}

int TerminalJobs::foreground_group_for_master() {
  SpinGuard guard(process_tree_lock);
  return foreground_ ? foreground_->pid()->number_in(Process::current().container()) : 0;
}

int TerminalJobs::session_for_master() {
  SpinGuard guard(process_tree_lock);
  return session_ ? session_->pid()->number_in(Process::current().container()) : 0;
}

Result<Ref<File>> open_controlling_terminal(Inode* node) {
  Ref<TerminalDevice> device;
  {
    SpinGuard guard(process_tree_lock);
    const TerminalJobs* terminal = Process::current().group->session().terminal;
    if (!terminal || !terminal->device().hold_unless_gone()) return Error::nxio;
    device = Ref<TerminalDevice>::adopt(&terminal->device());
  }
  return device->open_terminal(node ? Ref<Inode>(node) : TRY(anonymous::make_device(0600)));
}

void disassociate_terminal(Process& leader) {
  Ref<ProcessGroup> group;
  SpinGuard guard(process_tree_lock);
  Session& session = leader.group->session();
  if (session.terminal) group = session.terminal->lose_session();
  if (ProcessGroup* former = std::exchange(session.former_foreground, nullptr)) tell_of_hang_up(*former);
}

}  // namespace cv6
