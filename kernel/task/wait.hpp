// Waiting for children: wait4(2), waitid(2).
#pragma once

#include "task/process_tree.hpp"

namespace cv6 {

struct WaitRequest {
  enum class Which : std::uint8_t { any, process, group };
  Which which = Which::any;
  int number = 0;           // process, or group (0: the caller's own); as the caller sees it
  bool exited = true;       // WEXITED
  bool stopped = false;     // WUNTRACED, WSTOPPED
  bool continued = false;   // WCONTINUED
  bool no_hang = false;     // WNOHANG
  bool leave = false;       // WNOWAIT: the child stays waitable
  bool clone_only = false;  // __WCLONE: only children whose exit signal is not SIGCHLD
  bool any_kind = false;    // __WALL: both kinds
};

struct WaitOutcome {
  int process = 0;  // 0: WNOHANG and nothing to report
  std::uint32_t user = 0;
  WaitStatus status;
  ResourceUsage usage;
};

// Error::child: there is no such child, Error::restart_if_asked: interrupted, Error::inval.
Result<WaitOutcome> wait_for_child(Process& caller, const WaitRequest& request);

// What the process tree held of a process that is gone from it: to be dropped with the tree's lock not held.
struct ReapedProcess {
  Ref<ProcessGroup> group;
  Ref<Process> process;
};

// Takes a zombie out of the tree: it has been waited for, or nobody will ask about it. Only a parent that waits for it
// counts what it used (getrusage(2), RUSAGE_CHILDREN).
[[nodiscard]] ReapedProcess reap(Process& zombie) REQUIRES(process_tree_lock);

}  // namespace cv6
