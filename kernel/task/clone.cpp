#include "task/clone.hpp"

#include "arch/user_memory.hpp"
#include "task/barrier.hpp"
#include "task/interval_timers.hpp"
#include "task/messages.hpp"
#include "task/process.hpp"
#include "task/process_tree.hpp"
#include "task/start_user.hpp"

namespace cv6 {

namespace {

using Request = CloneRequest;

constexpr std::uint64_t known_flags =
    Request::share_memory | Request::share_fs | Request::share_files | Request::share_handlers | Request::vfork |
    Request::same_parent | Request::thread | Request::share_semaphore_undo | Request::set_thread_pointer |
    Request::set_parent_tid | Request::clear_child_tid | Request::detached | Request::untraced | Request::set_child_tid |
    Request::clear_handlers;

bool has(const Request& request, std::uint64_t flag) { return (request.flags & flag) != 0; }

Result<void> check(const Request& request) {
  constexpr std::uint64_t of_a_thread = Request::share_memory | Request::share_handlers;
  if (request.flags & ~known_flags) return Error::inval;
  if (has(request, Request::thread)) {
    if ((request.flags & of_a_thread) != of_a_thread) return Error::inval;
    // Threads have one table and one working directory here, as every thread library makes them.
    if (!has(request, Request::share_files) || !has(request, Request::share_fs)) return Error::inval;
  }
  if (has(request, Request::share_handlers) && !has(request, Request::share_memory)) return Error::inval;
  if (has(request, Request::clear_handlers) && has(request, Request::share_handlers)) return Error::inval;
  if (has(request, Request::set_thread_pointer) && !arch::is_user_range(request.thread_pointer, 1)) return Error::perm;
  if (request.exit_signal < 0 || request.exit_signal > signal::last) return Error::inval;
  return {};
}

Result<void> check_task_limit(Process& process) {
  const std::uint64_t tasks = process.account().tasks.load(std::memory_order_relaxed);
  if (tasks < process.limits[Resource::processes].soft || process.credentials().privileged()) return {};
  return Error::again;
}

// Another thread may be changing its credentials and account, which belong together.
Process::Parts held_parts(Process& process) {
  SpinGuard guard(process.lock());
  return process.parts();
}

// What the child has of its parent's: the same things, or copies.
Result<Process::Parts> parts_for_child(Process& parent, const Request& request) {
  Process::Parts parts = held_parts(parent);
  if (!has(request, Request::share_files)) parts.files = TRY(parts.files->copy());
  if (!has(request, Request::share_fs)) parts.fs = TRY(parts.fs->copy());
  if (!has(request, Request::share_handlers)) parts.handlers = TRY(parts.handlers->copy());
  if (has(request, Request::clear_handlers)) parts.handlers->reset();
  if (!has(request, Request::share_memory)) parts.address_space = TRY(parts.address_space->fork());
  if (request.memory == Request::Memory::copied) TRY(parts.address_space->own_all_pages());
  if (has(request, Request::share_files)) parts.files->share();
  return parts;
}

// Its own processor time counts from 0, against the same limit.
Result<void> copy_settings(Process& child, const Process& parent) {
  child.limits = parent.limits;
  child.ranges = parent.ranges;
  child.personality = parent.personality;
  child.dumpable = parent.dumpable;
  child.no_new_privileges = parent.no_new_privileges;
  if (child.limits[Resource::cpu].soft != ResourceLimit::infinity) [[unlikely]] return watch_cpu_limit(child);
  return {};
}

Result<Ref<UserThread>> make_thread(UserThread& caller, Process& process, Ref<Pid> tid, const Request& request) {
  Ref<UserThread> thread = TRY(UserThread::create(process, std::move(tid), &begin_user_thread));
  arch::UserRegisters& registers = thread->user_registers();
  registers = caller.user_registers();
  registers.set_result(0);
  registers.leave_system_call();
  if (request.stack) registers.set_stack_pointer(request.stack);
  thread->pointers = caller.pointers;
  arch::save_thread_pointers(thread->pointers);
  if (caller.pointers.width != arch::CodeWidth::bits_64) arch::load_thread_pointers(thread->pointers);
  if (has(request, Request::set_thread_pointer)) thread->pointers.fs_base = request.thread_pointer;
  thread->inherit_fpu(caller);
  thread->set_mask(caller.mask());
  if (!has(request, Request::share_memory) || has(request, Request::vfork))
    thread->alternate_stack = caller.alternate_stack;
  if (has(request, Request::clear_child_tid)) thread->clear_child_tid = request.child_tid;
  if (has(request, Request::set_child_tid)) thread->set_child_tid = request.child_tid;
  if (has(request, Request::vfork)) thread->vfork_parent = Ref<UserThread>(&caller);
  thread->timer_slack = caller.timer_slack;
  thread->name = caller.name;
  thread->set_affinity(caller.affinity());
  thread->set_nice(caller.nice());
  return thread;
}

// Who ends, stops or moves the process, or wants to be its only thread, tells those that are in it: one that comes after
// that is told here.
void add_thread(Process& process, UserThread& thread) REQUIRES(process_tree_lock, process.lock()) {
  process.threads.push_back(thread);
  process.change_thread_count(+1);
  thread.tid()->thread = &thread;
  if (process.stopping || process.moving || process.ending() || process.executing) thread.notice_signals();
}

// The child takes its place in its container and in the tree: both at once, so that whoever ends a container finds it, or
// it is too late for it. Error::restart_if_asked: the caller is being ended and makes no more children; srch: the
// container is; inval: see below.
Result<void> enter_tree(Process& caller, Process& child, UserThread& thread, const Request& request) {
  SpinGuard guard(process_tree_lock);
  if (caller.ending()) return Error::restart_if_asked;
  const bool sibling = has(request, Request::same_parent);
  // Who sent the caller into the container gets no children from inside of it; an orphan's parent there may be nobody.
  if (sibling && (!caller.parent || &caller.parent->container() != &caller.container())) return Error::inval;
  TRY(caller.container().enter());
  child.exit_signal = sibling ? caller.exit_signal : request.exit_signal;
  child.hold();  // the tree's
  set_parent(child, sibling ? caller.parent : &caller);
  enter_group(child, caller.group);
  child.group_walk = caller.group_walk;
  child.pid()->process = &child;
  SpinGuard threads(child.lock());
  add_thread(child, thread);
  return {};
}

Result<Ref<UserThread>> make_process(UserThread& caller, Ref<Pid> pid, const Request& request) {
  Process& parent = caller.process();
  Ref<Process> child = TRY(Process::create(pid, TRY(parts_for_child(parent, request))));
  TRY(copy_settings(*child, parent));
  child->barrier = parent.barrier;
  TRY(inherit_message_handler(*child, caller));
  Ref<UserThread> thread = TRY(make_thread(caller, *child, std::move(pid), request));
  TRY(enter_tree(parent, *child, *thread, request));
  return thread;
}

Result<Ref<UserThread>> make_further_thread(UserThread& caller, Ref<Pid> tid, const Request& request) {
  Process& process = caller.process();
  process.files().share();
  Ref<UserThread> thread = TRY(make_thread(caller, process, std::move(tid), request));
  SpinGuard tree(process_tree_lock);
  SpinGuard guard(process.lock());
  if (process.ending() || (process.executing && process.executing != &caller)) return Error::restart_if_asked;
  // Both at once: set_identity() moves as many tasks to another account as there are threads.
  process.account().tasks.fetch_add(1, std::memory_order_relaxed);
  add_thread(process, *thread);
  return thread;
}

Result<Ref<UserThread>> make_another_thread(UserThread& caller, Ref<Pid> tid, const Request& request) {
  ResourceCounter& tasks = caller.process().container().tasks();
  if (!tasks.charge(1)) return Error::again;
  auto made = make_further_thread(caller, std::move(tid), request);
  if (!made) tasks.uncharge(1);
  return made;
}

// Until the child needs this address space no more, or this thread is to end: with its process, or for another one's exec.
void wait_for_vfork_child(UserThread& caller) {
  Process& process = caller.process();
  auto done = [&] {
    if (caller.vfork_done.load(std::memory_order_acquire) || process.ending()) return true;
    SpinGuard guard(process.lock());
    return process.executing && process.executing != &caller;
  };
  (void)caller.vfork_waiting.wait(done, Wait::uninterruptible);
}

}  // namespace

void begin_user_thread(void* argument) {
  UserThread& thread = *static_cast<UserThread*>(argument);
  if (thread.set_child_tid) {
    // A bad address is the program's own fault, clone(2).
    const auto number = static_cast<std::uint32_t>(thread.number());
    (void)!arch::copy_to_user(thread.set_child_tid, &number, sizeof number);
  }
  enter_user_mode(thread);
}

Result<long> clone(UserThread& caller, const CloneRequest& request) {
  TRY(check(request));
  Process& process = caller.process();
  TRY(check_task_limit(process));
  if (has(request, Request::same_parent) && process.is_init) return Error::inval;
  Ref<Pid> pid = TRY(Pid::allocate(process.container()));
  const int number = pid->number_in(process.container());
  if (has(request, Request::set_parent_tid)) {
    const auto word = static_cast<std::uint32_t>(number);
    if (arch::copy_to_user(request.parent_tid, &word, sizeof word) != 0) return Error::fault;
  }
  const bool vfork = has(request, Request::vfork);
  if (vfork) caller.vfork_done.store(false, std::memory_order_relaxed);
  Ref<UserThread> thread = TRY(has(request, Request::thread) ? make_another_thread(caller, std::move(pid), request)
                                                             : make_process(caller, std::move(pid), request));
  sched::start(*thread);
  if (vfork) wait_for_vfork_child(caller);
  return number;
}

}  // namespace cv6
