#include "task/wait.hpp"

namespace cv6 {

namespace {

bool matches(const Process& caller, const Process& child, const WaitRequest& request) REQUIRES(process_tree_lock) {
  if (!is_visible(child, caller.container())) return false;  // the caller joined a container and left it outside
  if (!request.any_kind && (child.exit_signal != signal::child) != request.clone_only) return false;
  switch (request.which) {
    case WaitRequest::Which::any:
    case WaitRequest::Which::process: return true;  // nobody else is asked
    case WaitRequest::Which::group:
      if (request.number == 0) return child.group == caller.group;
      return child.group->pid()->number_in(caller.container()) == request.number;
  }
  __builtin_unreachable();
}

// It never will have what is asked for: waitid(2) without WEXITED, of one that has ended.
bool is_past(const Process& child, const WaitRequest& request) {
  return child.state() == Process::State::zombie && !request.exited;
}

// What the child has to report; false: nothing that is asked for.
bool reportable(Process& child, const WaitRequest& request, WaitStatus& status) REQUIRES(process_tree_lock) {
  if (child.state() == Process::State::zombie) {
    status = child.exit_status;
    return true;
  }
  if (request.stopped && child.stop_unreported) {
    status = {WaitStatus::Kind::stopped, child.stop_signal};
    if (!request.leave) child.stop_unreported = false;
    return true;
  }
  if (request.continued && child.continue_unreported) {
    status = {WaitStatus::Kind::continued};
    if (!request.leave) child.continue_unreported = false;
    return true;
  }
  return false;
}

enum class Found : std::uint8_t { nobody, nothing_yet, something };

Found look_at(Process& caller, Process& child, const WaitRequest& request, WaitOutcome& outcome, ReapedProcess& gone)
    REQUIRES(process_tree_lock) {
  if (!matches(caller, child, request) || is_past(child, request)) return Found::nobody;
  if (!reportable(child, request, outcome.status)) return Found::nothing_yet;
  outcome.process = child.pid()->number_in(caller.container());
  {
    SpinGuard guard(child.lock());  // a child that lives may change its credentials
    outcome.user = child.credentials().ids().user;
  }
  if (child.state() == Process::State::zombie) {
    outcome.usage = child.own_usage_at_end;
    outcome.usage.add(child.children_usage);
    if (!request.leave) {
      caller.children_usage.add(outcome.usage);
      gone = reap(child);
    }
  } else {
    outcome.usage = usage_of(child);
  }
  return Found::something;
}

// `one`: the process that is asked for by its number; null: all children are looked at.
Found look(Process& caller, Process* one, const WaitRequest& request, WaitOutcome& outcome, ReapedProcess& gone)
    REQUIRES(process_tree_lock) {
  if (one) return one->parent == &caller ? look_at(caller, *one, request, outcome, gone) : Found::nobody;
  Found found = Found::nobody;
  for (Process& child : caller.children) {
    const Found here = look_at(caller, child, request, outcome, gone);
    if (here == Found::something) return here;
    if (here == Found::nothing_yet) found = here;
  }
  return found;
}

}  // namespace

Result<WaitOutcome> wait_for_child(Process& caller, const WaitRequest& request) {
  Ref<Process> one;
  if (request.which == WaitRequest::Which::process) {
    auto process = find_process(caller.container(), request.number);
    if (!process) return Error::child;
    one = *std::move(process);
  }
  WaitOutcome outcome;
  Found found = Found::nobody;
  auto ready = [&] {
    ReapedProcess gone;
    SpinGuard guard(process_tree_lock);
    found = look(caller, one.get(), request, outcome, gone);
    return found != Found::nothing_yet;
  };
  if (request.no_hang)
    (void)ready();
  else if (!caller.children_changed.wait(ready))
    return Error::restart_if_asked;
  if (found == Found::nobody) return Error::child;
  return outcome;
}

ReapedProcess reap(Process& zombie) {
  zombie.sibling_node.unlink();
  zombie.parent = nullptr;
  zombie.pid()->process = nullptr;
  zombie.set_state(Process::State::gone);
  if (const Nanoseconds start = zombie.timer_start.load(std::memory_order_relaxed); start >= 0)
    zombie.container().ended_timers().add(zombie.number(), time_used(zombie.own_usage_at_end) - start);
  zombie.uncount();
  return {leave_group(zombie), Ref<Process>::adopt(&zombie)};
}

}  // namespace cv6
