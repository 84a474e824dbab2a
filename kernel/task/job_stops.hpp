// Job control's stops, signal(7): all threads of a process wait on their way to user mode until it is continued. The
// parent is told when the last one waits, and when the process goes on. Private to task/.
#pragma once

#include "task/process.hpp"

namespace cv6 {

// A stop signal's default action, by the thread that took it; nothing if SIGCONT has come since. SIGTSTP, SIGTTIN and SIGTTOU
// do nothing in an orphaned group.
void begin_stop(UserThread& thread, int number);
// The calling thread's part of a stop: returns when the process is continued, or ends.
void wait_while_stopped(UserThread& thread);
// The parent hears that the process goes on.
void announce_continue(Process& process);
// A thread has exited: it may have been the last that did not wait. With no lock held.
void recheck_stop(Process& process);

}  // namespace cv6
