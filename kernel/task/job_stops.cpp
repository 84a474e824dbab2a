#include "task/job_stops.hpp"

#include "task/process_tree.hpp"
#include "task/resource_limits.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

namespace {

constexpr Nanoseconds clock_tick = nanoseconds_per_second / 100;

void tell_parent(Process& process, int code, int status) REQUIRES(process_tree_lock) {
  Process* parent = process.parent;
  if (!parent) return;
  SignalAction action;
  {
    SpinGuard guard(parent->lock());  // exec may replace the handlers
    action = parent->handlers().get(signal::child);
  }
  // By default it does nothing, but may be blocked and waited for.
  if (action.handler != SignalAction::ignore_handler && !(action.flags & SignalAction::no_child_stop)) {
    SignalInfo info = signal_from(process, *parent, signal::child, code);
    const ResourceUsage usage = usage_of(process);
    info.kind = SignalInfo::Kind::child;
    info.status = status;
    info.user_time = usage.user_time / clock_tick;
    info.system_time = usage.system_time / clock_tick;
    (void)deliver(*parent, info);
  }
  parent->children_changed.wake_all();
}

// All threads wait: the stop is complete.
void announce_stop(Process& process) {
  SpinGuard guard(process_tree_lock);
  process.stop_unreported = true;
  process.continue_unreported = false;
  tell_parent(process, signal_code::child_stopped, process.stop_signal);
}

}  // namespace

void begin_stop(UserThread& thread, int number) {
  Process& process = thread.process();
  if (number != signal::stop) {
    SpinGuard guard(process_tree_lock);
    if (is_orphaned(*process.group, nullptr)) return;
  }
  SpinGuard guard(process.lock());
  if (process.ending() || process.stopping || !thread.took_stop) return;
  process.stopping = true;
  process.stop_signal = number;
  for (UserThread& thread : process.threads) thread.notice_signals();
}

void wait_while_stopped(UserThread& thread) {
  Process& process = thread.process();
  bool complete;
  {
    SpinGuard guard(process.lock());
    if (!process.stopping) return;
    thread.stopped = true;
    complete = ++process.stopped_threads == process.thread_count();
    if (process.moving) process.threads_changed.wake_all();
  }
  if (complete) announce_stop(process);
  auto released = [&] { return !process.stopping || process.ending(); };
  (void)process.continued.wait(released, Wait::uninterruptible);
  SpinGuard guard(process.lock());
  thread.stopped = false;
  --process.stopped_threads;
}

void announce_continue(Process& process) {
  SpinGuard guard(process_tree_lock);
  if (!process.continue_unannounced) return;  // another thread was here first
  process.continue_unannounced = false;
  process.stop_unreported = false;
  process.continue_unreported = true;
  tell_parent(process, signal_code::child_continued, signal::continue_);
}

void recheck_stop(Process& process) {
  {
    SpinGuard guard(process.lock());
    if (!process.stopping || process.stopped_threads == 0 || process.stopped_threads != process.thread_count()) return;
  }
  announce_stop(process);
}

}  // namespace cv6
