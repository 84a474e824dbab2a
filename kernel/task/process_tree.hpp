// How processes belong together: parents and children, process groups, sessions. credentials(7), setpgid(2), setsid(2).
//
// All of it is covered by one spin lock, process_tree_lock, held for short, bounded steps (walks over a group's members
// or a process's children excepted). What the numbers of a Pid mean at the moment (Pid::process, thread, group, session)
// is covered by it as well. Order: process_tree_lock, then a process's lock, then its signal handlers' lock.
//
// Lifetimes: the tree holds each process from its creation until it is reaped; a process holds its group, a group its
// session and its Pid, so that the number of a leader that is gone stays taken.
#pragma once

#include "container/pid.hpp"
#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"
#include "task/process.hpp"

namespace cv6 {

class Container;
class Process;
class ProcessGroup;
class Session;
class TerminalJobs;
class UserThread;

extern SpinLock process_tree_lock;

class Session : public Counted<Session>, public Charged<Session, "session"> {
 public:
  // Registers itself as the Pid's session.
  explicit Session(Ref<Pid> pid) : pid_(std::move(pid)) {}
  ~Session();
  const Ref<Pid>& pid() const { return pid_; }

  // The controlling terminal; null: none. Under process_tree_lock; the terminal outlives this (it clears it at its end).
  TerminalJobs* terminal = nullptr;
  Process* leader = nullptr;  // null once it has exited
  // Was in the foreground when the terminal was hung up: hears of it when the leader ends. ~ProcessGroup clears it.
  ProcessGroup* former_foreground = nullptr;

 private:
  Ref<Pid> pid_;
};

class ProcessGroup : public Counted<ProcessGroup>, public Charged<ProcessGroup, "process_group"> {
 public:
  ProcessGroup(Ref<Pid> pid, Ref<Session> session) : pid_(std::move(pid)), session_(std::move(session)) {}
  ~ProcessGroup();
  const Ref<Pid>& pid() const { return pid_; }
  Session& session() const { return *session_; }
  const Ref<Session>& session_ref() const { return session_; }

  // Under process_tree_lock; in the order in which they entered. A group is found by its number only while it has members.
  List<Process, &Process::group_node> members;
  std::uint64_t looked_at_by = 0;  // which exit did last: exit.cpp

 private:
  Ref<Pid> pid_;
  Ref<Session> session_;
};

// --- finding: by the numbers that `viewer` uses, so only what it may see ----------------------------------------------
// Error::srch: none, or gone already. Zombies are found.
Result<Ref<Process>> find_process(const Container& viewer, int number);
Result<Ref<UserThread>> find_thread(const Container& viewer, int number);
Result<Ref<ProcessGroup>> find_group(const Container& viewer, int number);
// Its group, which its parent may change at any time. For a process that has not ended.
Ref<ProcessGroup> hold_group(const Process& process);
// The next process with a number greater than `after`, which moves on to it; null: no more. For walks over all that there
// are: it gives way, so that those need not. What comes meanwhile behind the walk is not found.
Ref<Process> next_process(Container& viewer, int& after);

// --- process groups and sessions: setpgid(2), getpgid(2), setsid(2), getsid(2) ----------------------------------------
// Numbers are as the caller sees them; 0 means the caller. Error::srch, perm, acces, inval as the man pages have them.
Result<void> set_process_group(Process& caller, int process, int group);
Result<int> process_group_of(Process& caller, int process);
Result<int> session_of(Process& caller, int process);
Result<int> start_session(Process& caller);

// --- for task/, with process_tree_lock held ---------------------------------------------------------------------------
// It is in `viewer` or below at this moment: what a number, a signal or wait(2) may lead to.
bool is_visible(const Process& process, const Container& viewer) REQUIRES(process_tree_lock);
// It connects its group with the rest of the session: its parent is in another group of the same session.
bool connects_group(const Process& process) REQUIRES(process_tree_lock);
// A group is orphaned when no member has a parent in another group of the same session (POSIX.1, 3.264).
// `without`: as if this process were not there (it is about to exit); may be null.
bool is_orphaned(ProcessGroup& group, const Process* without) REQUIRES(process_tree_lock);
// The process is a child of `parent` (may be null) from now on.
void set_parent(Process& process, Process* parent) REQUIRES(process_tree_lock);
void enter_group(Process& process, Ref<ProcessGroup> group) REQUIRES(process_tree_lock);
// The first member that entered after `entry`, for walks in parts; `last` had that entry, and if it is a member with it
// still (it may be null), nothing is searched for. Null: no more.
Process* member_after(ProcessGroup& group, std::uint64_t entry, Process* last) REQUIRES(process_tree_lock);
// Out of its group; the group's Ref is returned, to be dropped after unlocking.
Ref<ProcessGroup> leave_group(Process& process) REQUIRES(process_tree_lock);

}  // namespace cv6
