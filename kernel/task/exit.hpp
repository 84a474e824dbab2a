// How threads and processes end. exit(2), exit_group(2).
#pragma once

#include "task/process.hpp"

namespace cv6 {

// Neither comes back, so nothing is let go of that their callers hold.
//
// The calling thread ends; the process with it if it is the last one, which then reports `status`.
[[noreturn]] void exit_thread(int status);
// All threads of the process end. Which status is reported is decided by whoever comes first.
[[noreturn]] void exit_process(WaitStatus status);
// The same where something is held that must be let go of: the calling thread, which returns, ends on its way to user mode if
// it is told to look (UserThread::notice_signals).
void begin_exit(WaitStatus status);
// From any thread: makes another process (or this one, on its way to user mode) end as SIGKILL does.
void kill_process(Process& process);

// The thread that ends, or execs, lets go of the memory that others may wait for: the robust futexes, the word of
// set_tid_address(2), a parent in vfork(2). The address space is still the current one.
void release_user_memory(UserThread& thread);

// Ends, as SIGKILL does, all processes that are in `container` and below at this moment, but for `spared` (null: none). If
// the containers are stopping, none comes after those.
void kill_everything_in(Container& container, const Process* spared);

}  // namespace cv6
