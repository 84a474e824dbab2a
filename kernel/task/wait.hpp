// Waiting for children: wait4(2), waitid(2).
#pragma once

#include "task/process.hpp"

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

// A zombie that nobody will ask about goes: with the tree lock not held.
void reap(Process& zombie);

}  // namespace cv6
