// A thread that runs a program: a Thread (sched/thread.hpp) and what of it belongs to user mode.
//
// Owned by: the scheduler until it is dead, its process's list of threads until it exits, and whoever holds a Ref. Its
// number (Pid) is the process's own for the first thread.
//
// What protects what: members under "own" are changed only by the thread itself, so it reads them without a lock and
// others only look (for /proc). Members under "process lock" as said there.
//
// Floating-point registers are lazy: they stay in the processor while the kernel runs, are saved when another thread gets
// the processor, and loaded on the way to user mode if another thread's have been loaded there since.
#pragma once

#include <atomic>

#include "arch/clock.hpp"
#include "arch/context.hpp"
#include "arch/upcalls.hpp"
#include "container/pid.hpp"
#include "lib/string.hpp"
#include "mm/allocation_failures.hpp"
#include "mm/payer.hpp"
#include "sched/thread.hpp"
#include "sched/wait_queue.hpp"
#include "task/pending_signals.hpp"
#include "task/signal.hpp"

namespace cv6 {

class AddressSpace;
class Process;
class UserThread;

// A call that a signal interrupted and that must not begin from its first argument again (restart_syscall(2)): the time
// that is left counts. Set by the handler that returns Error::restart_timed; `again` is called by restart_syscall.
struct TimedRestart {
  Result<long> (*again)(UserThread& thread, const TimedRestart& state) = nullptr;
  std::uint64_t arguments[6] = {};
};

// Its kernel stack, and its image of the floating-point registers.
inline constexpr std::size_t charged_beside_thread = Thread::stack_size + page_size;

class UserThread final : public Thread, public Charged<UserThread, "user_thread", charged_beside_thread> {
 public:
  // A thread of `process` that will begin in `entry(this)`; with floating-point state as a new program has it. Not in the
  // process's list yet. Error::nomem.
  static Result<Ref<UserThread>> create(Process& process, Ref<Pid> tid, void (*entry)(void*));
  ~UserThread() override;

  // The calling thread.
  static UserThread& current() { return *static_cast<UserThread*>(arch::current_thread()); }

  Process& process() const { return *process_; }
  const Ref<Pid>& tid() const { return tid_; }  // for the thread itself, and under the process lock
  Ref<Pid> hold_tid() const;                     // for others
  // gettid(2): in the container where the process is now.
  int number() const { return number_.load(std::memory_order_relaxed); }

  void* start_argument = nullptr;        // for the function it begins in

  // --- own: for system calls of the thread itself ---
  std::uintptr_t clear_child_tid = 0;    // set_tid_address(2)
  std::uintptr_t set_child_tid = 0;      // clone(2): written by the thread itself when it begins
  std::uintptr_t robust_list = 0;        // set_robust_list(2): the head's address
  // As saved; live in the processor while the thread runs.
  arch::ThreadPointers pointers = arch::initial_thread_pointers(arch::CodeWidth::bits_64);
  AlternateStack alternate_stack;
  TimedRestart timed_restart;
  int parent_death_signal = 0;           // prctl(PR_SET_PDEATHSIG)
  Nanoseconds timer_slack = 50'000;      // prctl(PR_SET_TIMERSLACK)
  arch::Fault last_fault{arch::Fault::Kind::other};  // that ended in a signal: vector, error code and address for frames
  FixedString<15> name;                  // comm, prctl(PR_SET_NAME)

  // The signals that are blocked. set_mask() never blocks SIGKILL and SIGSTOP, and notices signals that become deliverable.
  SignalSet mask() const { return SignalSet(mask_.load(std::memory_order_relaxed)); }
  void set_mask(SignalSet mask);
  void block(SignalSet more);
  // sigsuspend(2), ppoll(2) and the like: `mask` for the duration of the call; what was there before comes back when the
  // signal that ended the call has been delivered (its handler's frame restores it), or by restore_mask() if none was.
  void set_temporary_mask(SignalSet mask);
  void restore_mask();
  // For a signal frame: the mask that sigreturn brings back.
  SignalSet take_saved_mask();

  // What sigreturn restores and signal frames save. save_fpu() brings the image in memory up to date and returns it;
  // change_fpu() returns it to be written (fpu_sanitize it), and it is loaded on the way to user mode.
  void* save_fpu();
  void* change_fpu();
  // The same without a detour, if that works now: see arch::fpu_save_to_user.
  bool save_fpu_to_user(std::uintptr_t to);
  bool load_fpu_from_user(std::uintptr_t from);
  void reset_fpu();
  // For a new thread: a copy of the calling thread's state at this moment.
  void inherit_fpu(UserThread& caller);

  // Sets the processor's bases as well: arch_prctl(2), CLONE_SETTLS. For the calling thread.
  void set_pointers(const arch::ThreadPointers& pointers);

  // --- the way to user mode: see user_return.hpp ---
  // Why the thread must do more than return, one bit each; 0 nearly always.
  enum Work : std::uint32_t {
    work_fpu = 1,       // its floating-point registers may not be the processor's
    work_signals = 2,   // a signal may be deliverable, the process stops or ends
    work_timers = 4,    // its CPU timers want a look
    work_restart = 8,   // the call that ends was interrupted: see call_error
    work_decisions = 16,  // the scheduler log wants to be printed (scheduler_log.hpp)
    work_messages = 32,   // notes may wait for its handler (messages.hpp)
  };
  bool has_work() const { return work_.load(std::memory_order_relaxed) != 0; }
  void add_work(Work work) { work_.fetch_or(work, std::memory_order_release); }
  void remove_work(Work work) { work_.fetch_and(~static_cast<std::uint32_t>(work), std::memory_order_acquire); }
  bool has_work(Work work) const { return (work_.load(std::memory_order_acquire) & work) != 0; }
  bool has_work_besides(Work work) const { return (work_.load(std::memory_order_acquire) & ~work) != 0; }
  // A signal may be deliverable: out of interruptible waits, and through the work before user mode.
  void notice_signals() {
    add_work(work_signals);
    interrupt();
  }
  // Whoever sends a signal adds the work first and interrupts then, maybe when the signal has been dealt with: such an
  // interruption goes, which would keep the thread from being held.
  void drop_late_interruption() {
    clear_interruption();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (has_work(work_signals)) interrupt();
  }
  // It is to end: out of the wait for a child of vfork(2) as well.
  void notice_end() {
    notice_signals();
    vfork_waiting.wake_all();
  }
  // With work_restart: which of Error::restart_*.
  Error call_error = Error::restart_if_asked;
  void prepare_to_enter_user();  // with work_fpu: loads the floating-point registers

  // --- times: a reading of the processor's counter at both ends of each stay in the kernel. In between system_cycles_ is
  // negative: the time until now is missing.
  // entered_kernel() returns its reading.
  std::uint64_t entered_kernel() {
    const std::uint64_t now = __builtin_readcyclecounter();
    system_cycles_ -= static_cast<std::int64_t>(now);
    return now;
  }
  void leaves_kernel() { system_cycles_ += static_cast<std::int64_t>(__builtin_readcyclecounter()); }
  struct Times {
    Nanoseconds user = 0, system = 0;
  };
  Times times() const;  // their sum is cpu_time()
  std::uint64_t voluntary_switches() const { return voluntary_switches_; }
  std::uint64_t involuntary_switches() const { return involuntary_switches_; }

  // --- process lock ---
  PendingSignals pending;                // sent to this thread in particular
  bool stopped = false;                  // waits for the process to be continued
  bool took_stop = false;                // the last stop signal that it took: no SIGCONT has come since
  ListNode process_node;                 // in the process's list of threads

  // vfork(2): the child holds its parent's thread until it execs or exits, and then releases it.
  Ref<UserThread> vfork_parent;
  std::atomic<bool> vfork_done{false};
  WaitQueue vfork_waiting;

  [[no_unique_address]] allocation_failures::Plan failures;

  // sigtimedwait(2): what the thread waits for; senders look, so that a blocked signal wakes it.
  std::atomic<std::uint64_t> awaited_signals{0};

  // The address space that is activated whenever the thread gets a processor: its process's, until exec changes it or the
  // thread ends (null). For the calling thread; the old one is deactivated.
  void use_address_space(AddressSpace* space);
  // It goes by another number from now on: in exec, by its process's. The former one comes back, to be dropped without locks.
  // (Tree lock.)
  void exchange_number(Ref<Pid>& pid);
  void set_number(int number) { number_.store(number, std::memory_order_relaxed); }
  // Runs on behalf of this container from now on: join, leave. Returns the one before, to be dropped without locks.
  Ref<Container> move_to(Container& container);

 private:
  UserThread(Process& process, Ref<Pid> tid);
  void entering_cpu() override;
  void leaving_cpu() override;
  int number_for_log() const override;
  void decision_was_logged() override { add_work(work_decisions); }
  bool may_be_stopped() const override;

  Process* process_;  // holds a count
  Ref<Container> pays_;  // whose scheduling context it is in: a thread that ends may outlive its process's stay there
  AddressSpace* space_;
  Ref<Pid> tid_;
  std::atomic<int> number_;
  std::atomic<std::uint64_t> mask_{0};  // own; senders look at it under the process lock
  SignalSet saved_mask_;
  bool has_saved_mask_ = false;
  void* fpu_image_ = nullptr;
  unsigned fpu_cpu_ = ~0u;  // the processor whose registers were last loaded from, or saved to, the image
  std::atomic<std::uint32_t> work_{work_fpu};
  std::int64_t system_cycles_ = 0;  // in the kernel
  std::int64_t all_cycles_ = 0;     // on a processor; negative while it is on one, like system_cycles_
  std::uint64_t voluntary_switches_ = 0, involuntary_switches_ = 0;
};

// At boot: what images of floating-point registers are allocated from.
void initialise_user_threads();

}  // namespace cv6
