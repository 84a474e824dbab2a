// New processes and threads: fork(2), vfork(2), clone(2), clone3(2).
#pragma once

#include "task/user_thread.hpp"

namespace cv6 {

struct CloneRequest {
  // Values of the Linux ABI. What is not named here (namespaces, pidfd, ptrace, io) is Error::inval.
  static constexpr std::uint64_t share_memory = 0x100, share_fs = 0x200, share_files = 0x400, share_handlers = 0x800,
                                 vfork = 0x4000, same_parent = 0x8000, thread = 0x10000, share_semaphore_undo = 0x40000,
                                 set_thread_pointer = 0x80000, set_parent_tid = 0x100000, clear_child_tid = 0x200000,
                                 detached = 0x400000, untraced = 0x800000, set_child_tid = 0x1000000,
                                 clear_handlers = 0x100000000;
  std::uint64_t flags = 0;
  int exit_signal = 0;
  std::uintptr_t stack = 0;  // the child's stack pointer; 0: the caller's
  std::uintptr_t parent_tid = 0, child_tid = 0;
  std::uintptr_t thread_pointer = 0;
  // Without share_memory: pages are shared until somebody writes, or copied at once, which then cannot fail later.
  enum class Memory : std::uint8_t { copied_on_write, copied } memory = Memory::copied_on_write;
};

// Returns the child's number as the caller sees it; for vfork after the child has let the parent's memory go (a signal
// that kills the parent ends the wait). The child begins with the caller's registers, but for its result (0), the stack
// and the thread pointer. Error::again (limits), nomem, inval.
Result<long> clone(UserThread& caller, const CloneRequest& request);

}  // namespace cv6
