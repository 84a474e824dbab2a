// A process: threads that share an address space, open files and signals' dispositions (a thread group).
//
// States:  alive --last thread exits--> zombie --reaped by its parent, or by the kernel--> gone
//
// What protects what:
//   constant             set before anybody else can see it
//   tree lock            process_tree_lock (process_tree.hpp): relations, state, what wait(2) reports
//   process lock         lock_: threads, pending signals, stopping and ending; replaced parts (credentials, address
//                        space): the process's own thread reads them without, others take a Ref under it
//   own                  changed by the process's own threads; others only look, one word at a time
// Order: tree lock, process lock, lock of the signal handlers. Nothing that blocks, frees a lot or touches user memory
// happens under any of them.
//
// Ownership: the tree holds a process until it is reaped, each of its threads holds it, and whoever has a Ref.
#pragma once

#include <atomic>
#include <memory>

#include "container/container.hpp"
#include "container/pid.hpp"
#include "fs/credentials.hpp"
#include "fs/path.hpp"
#include "lib/list.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"
#include "task/descriptor_table.hpp"
#include "fs/context.hpp"
#include "task/pending_signals.hpp"
#include "task/resource_limits.hpp"
#include "task/signal_handlers.hpp"
#include "task/user_account.hpp"
#include "task/user_thread.hpp"
#include "vm/address_space.hpp"

namespace cv6 {

class AbiOperations;
class Barrier;
struct Mailbox;
class ProcessTimers;
class ProcessGroup;
class Session;

// What wait(2) reports about a process: how it ended, or that it stopped or goes on.
struct WaitStatus {
  enum class Kind : std::uint8_t { exited, killed, stopped, continued };
  Kind kind = Kind::exited;
  int code = 0;  // exited: exit status, 0..255; killed, stopped: the signal
  bool dumped_core = false;
  // As wait(2)'s status word has it.
  constexpr int encode() const {
    switch (kind) {
      case Kind::exited: return (code & 0xff) << 8;
      case Kind::killed: return (code & 0x7f) | (dumped_core ? 0x80 : 0);
      case Kind::stopped: return (code & 0xff) << 8 | 0x7f;
      case Kind::continued: return 0xffff;
    }
    __builtin_unreachable();
  }
};

// Where parts of the program are, for /proc/PID/{cmdline,environ,stat} and brk.
struct ProgramRanges {
  std::uintptr_t arguments_start = 0, arguments_end = 0, environment_start = 0, environment_end = 0;
  std::uintptr_t code_start = 0, code_end = 0, data_start = 0, data_end = 0, stack_start = 0;
};

// A program file while somebody executes it: nobody may write to it (ETXTBSY). Shared by fork.
class Executable : public Counted<Executable>, public Charged<Executable, "executable"> {
 public:
  // Error::txtbsy, Error::nomem.
  static Result<Ref<Executable>> create(Path path);
  ~Executable();
  const Path& path() const { return path_; }
  explicit Executable(Path path) : path_(std::move(path)) {}

 private:
  Path path_;
};

// From where a process that joined a container came: what leave() brings back. (container_operations.hpp)
struct Home;
class SignalNews;  // signal_file.hpp

class Process : public Counted<Process>, public Charged<Process, "process", 512> {  // beside: timers, account, home
 public:
  enum class State : std::uint8_t { alive, zombie, gone };

  ~Process();

  static Process& current() { return UserThread::current().process(); }

  // --- identity -------------------------------------------------------------------------------------------------------
  const Ref<Pid>& pid() const { return pid_; }
  // getpid(2): in the container where the process is now.
  int number() const { return number_.load(std::memory_order_relaxed); }
  // getppid(2): 0 when the parent is outside of the process's container.
  int parent_number() const { return parent_number_.load(std::memory_order_relaxed); }
  Container& container() const { return *parts_.container; }  // where it is now; changed by join and leave (own, tree lock)
  const Ref<Container>& container_ref() const { return parts_.container; }
  const AbiOperations& abi() const { return *parts_.abi; }
  Nanoseconds start_time() const { return start_time_; }  // monotonic clock

  // --- parts; the process's own threads use these directly -----------------------------------------------------------
  AddressSpace& address_space() const { return *parts_.address_space; }
  DescriptorTable& files() const { return *parts_.files; }
  FsContext& fs() const { return *parts_.fs; }
  SignalHandlers& handlers() const { return *parts_.handlers; }
  const Credentials& credentials() const { return *parts_.credentials; }
  // What fs/ wants to know about who calls.
  Caller caller() const { return {fs(), credentials()}; }
  ResourceLimits limits;  // own: one word at a time
  std::uint64_t open_files_limit() const { return limits[Resource::open_files].soft; }

  // --- the same for others: null once the process has let go of them at its end --------------------------------------
  Ref<AddressSpace> hold_address_space();
  Path hold_root();  // its root directory
  Ref<const Credentials> hold_credentials();
  Ref<Container> hold_container();
  // Calls visit(DescriptorTable&) under the process lock; false: there is none any more. Nobody holds the table of another
  // process, nor its FsContext: their counts say how many processes share them, which exec() asks.
  template <class Visit>
  bool with_files(Visit visit) {
    SpinGuard guard(lock_);
    if (parts_.files) visit(*parts_.files);
    return static_cast<bool>(parts_.files);
  }
  // Calls visit(UserThread&) for each thread, under the process lock: short, no blocking.
  template <class Visit>
  void for_each_thread(Visit visit) {
    SpinGuard guard(lock_);
    for (UserThread& thread : threads) visit(thread);
  }
  // The thread whose number is the process's, or another one if that has exited; null for a zombie.
  Ref<UserThread> some_thread();
  unsigned thread_count() const { return thread_count_.load(std::memory_order_acquire); }
  bool single_threaded() const { return thread_count() == 1; }

  // By one of its own threads: other credentials instead of `seen`, and another user's account (null: the same as before).
  // Threads use what they find in credentials() and account() without holding it, so a process of several threads keeps what it
  // had, in `former`, which only one of a single thread may leave out. False: they are not those that were seen any more.
  // Error::again: it has had too many.
  struct FormerIdentity : Charged<FormerIdentity, "former_identity"> {
    Ref<const Credentials> credentials;
    Ref<UserAccount> account;
    ListNode node;
  };
  Result<bool> set_identity(const Credentials& seen, Ref<const Credentials> fresh, Ref<UserAccount> account,
                            Own<FormerIdentity> former);
  // The same credentials, if it had them before: who goes to and fro keeps no more than a few.
  Ref<const Credentials> former_credentials(const Identities& ids, std::span<const std::uint32_t> groups);
  void drop_former_identities();  // by its last thread, at its end
  UserAccount& account() const { return *parts_.account; }
  Ref<UserAccount> hold_account();
  // What ps shows: the first thread's name and nice value; of a zombie, what they were.
  FixedString<15> shown_name();
  int shown_nice();

  // --- settings: own ---------------------------------------------------------------------------------------------------
  ProgramRanges ranges;
  std::uint32_t personality = 0;
  bool dumpable = true;                        // prctl(PR_SET_DUMPABLE)
  bool no_new_privileges = false;              // prctl(PR_SET_NO_NEW_PRIVS); inherited, never taken back
  Nanoseconds default_timer_slack = 50'000;
  std::atomic<bool> child_subreaper{false};    // prctl(PR_SET_CHILD_SUBREAPER)
  std::atomic<bool> has_executed{false};       // since fork: setpgid's EACCES

  // Processor time when its timer was started; -1: it was not. Whoever may, starts it.
  std::atomic<Nanoseconds> timer_start{-1};

  // --- counters: own, others look -------------------------------------------------------------------------------------
  std::atomic<std::uint64_t> minor_faults{0}, major_faults{0};
  void count_fault() { minor_faults.store(minor_faults.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  std::atomic<std::uint64_t> bytes_read{0}, bytes_written{0}, read_calls{0}, write_calls{0};

  // --- relations: tree lock -------------------------------------------------------------------------------------------
  State state() const { return state_.load(std::memory_order_acquire); }
  Process* parent = nullptr;            // null: none (first processes); the kernel reaps it
  Ref<ProcessGroup> group;
  ListNode sibling_node, group_node;
  std::uint64_t group_entry = 0;  // its place among all that ever entered a group
  std::uint64_t group_walk = 0;   // of the last signal to its group that was sent to it, or to its parent before it was made
  int exit_signal = signal::child;      // what the parent gets at the end; 0: nothing (clone(2))
  WaitStatus exit_status;               // of a zombie
  bool stop_unreported = false, continue_unreported = false;  // for WUNTRACED, WCONTINUED
  int stop_signal = 0;                  // of the last stop
  bool is_init = false;                 // the first process spawned in its container: its end ends the others
  ResourceUsage own_usage_at_end;       // of a zombie
  FixedString<15> name_at_end;          // of a zombie, as is the next
  int nice_at_end = 0;
  ResourceUsage children_usage;         // reaped ones'
  bool is_session_leader() const;
  // wait(2) waits here; woken when a child changes state, and when a thread of the process must look.
  WaitQueue children_changed;

  List<Process, &Process::sibling_node> children;  // zombies among them

  // --- signals, stopping, ending: process lock (kept by send_signal.cpp, signal_delivery.cpp, exit.cpp) ----------------
  SpinLock& lock() __attribute__((lock_returned(lock_))) { return lock_; }
  PendingSignals pending;                 // sent to the process as a whole
  // Woken for signals that the thread they came to first has blocked: made, once, by the first signalfd that wants it.
  std::atomic<SignalNews*> signal_news{nullptr};  // holds a count
  List<UserThread, &UserThread::process_node> threads;
  // All threads are to exit: exit_group(2), a fatal signal, the end of its container. Then exit_status is decided.
  std::atomic<bool> ended_for_memory{false};  // memory_shortage.hpp
  bool ending() const { return ending_.load(std::memory_order_acquire); }
  // A thread in exec waits until it is the only one.
  UserThread* executing = nullptr;
  // A thread that needs the others to stand still (standstill.hpp), and how many of them do.
  UserThread* moving = nullptr;
  unsigned standing_threads = 0;
  bool stopping = false;                  // job control: threads stop on their way to user mode
  bool continue_unannounced = false;      // SIGCONT ended a stop: the first thread to go on tells the parent
  unsigned stopped_threads = 0;
  WaitQueue continued;                    // stopped threads wait here, and those that stand still
  WaitQueue threads_changed;              // exec waits here for the other threads' end, and who moves for their rest
  Nanoseconds ended_user_time = 0, ended_system_time = 0;  // of threads that have exited
  std::uint64_t ended_voluntary_switches = 0, ended_involuntary_switches = 0;
  std::uint64_t peak_resident_pages = 0;  // of programs before the last exec

  // --- for task/ only: written where the comment at the top allows it --------------------------------------------------
  struct Parts {
    Ref<Container> container;
    const AbiOperations* abi = nullptr;
    Ref<AddressSpace> address_space;
    Ref<DescriptorTable> files;
    Ref<FsContext> fs;
    Ref<SignalHandlers> handlers;
    Ref<const Credentials> credentials;
    Ref<UserAccount> account;
    Ref<Executable> executable;
    // Where its memory is from: it has joined from there, or was forked by one that had, and has executed nothing since. Who is
    // not there or above may not look into it (may_inspect). Null: it is its container's own.
    Ref<Container> origin;
  };
  Parts& parts() { return parts_; }
  const Parts& parts() const { return parts_; }
  void set_number(int number) { number_.store(number, std::memory_order_relaxed); }
  void set_parent_number(int number) { parent_number_.store(number, std::memory_order_relaxed); }
  void set_state(State state) { state_.store(state, std::memory_order_release); }
  void set_ending() { ending_.store(true, std::memory_order_release); }
  void change_thread_count(int by) { thread_count_.fetch_add(static_cast<unsigned>(by), std::memory_order_acq_rel); }
  std::unique_ptr<Home, void (*)(Home*)> home{nullptr, nullptr};  // joining.cpp
  std::unique_ptr<ProcessTimers, void (*)(ProcessTimers*)> timers{nullptr, nullptr};  // interval_timers.cpp

  std::unique_ptr<Mailbox, void (*)(Mailbox*)> mailbox{nullptr, nullptr};  // messages.hpp; set under the process lock
  bool mailbox_closed = false;                                             // it has ended: no mail any more
  Ref<Barrier> barrier;  // own, and its children's: barrier.hpp

  void* beginning = nullptr;  // new_process.hpp: what its first thread is to start

  // One that nobody sees yet. It is counted in its container until it is reaped, and in its user's account. Error::again: the
  // container has as many as it may; nomem.
  static Result<Ref<Process>> create(Ref<Pid> pid, Parts parts);
  // It has been reaped: its container has room for another one, whoever still looks at this one.
  void uncount();

  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);

 private:
  Process(Ref<Pid> pid, Parts parts);

  static constexpr unsigned most_former = 4096;
  FormerIdentity* find_former(auto matches);

  Parts parts_;
  List<FormerIdentity, &FormerIdentity::node> former_;  // process lock, as is the next; the latest first
  unsigned former_count_ = 0;
  Ref<Pid> pid_;
  std::atomic<int> number_, parent_number_{0};
  Nanoseconds start_time_;
  std::atomic<State> state_{State::alive};
  SpinLock lock_{Rank::process};
  std::atomic<unsigned> thread_count_{0};
  std::atomic<bool> ending_{false};
  bool counted_ = true;  // in its container's tasks
};

}  // namespace cv6
