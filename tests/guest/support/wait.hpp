#pragma once
// Waiting for a condition, with a limit that only a hang reaches (emulated machines are fifty times slower).

#include <signal.h>
#include <sys/types.h>

#include <functional>

#include "support/check.hpp"

namespace cv6::guest {

// Seconds that count as "never": CV6_TEST_LIMIT, or 120.
int limit_seconds();

// Asks until it is true; fails after the limit.
testing::AssertionResult wait_until(const std::function<bool()>& condition);

// A wait of a signal that must come. Its number, or -1 and EAGAIN after the limit.
int wait_signal(const sigset_t& set, siginfo_t* info = nullptr);

// The state letter of the process or thread in /proc/ID/stat, 0 if there is none.
char state_of(pid_t id);

// Waits until that process or thread (an id of any process) sleeps in the kernel.
testing::AssertionResult wait_until_blocked(pid_t id);

// Waits until it has the state: 'T' stopped, 'Z' zombie ...
testing::AssertionResult wait_for_state(pid_t id, char state);

// This child has ended, and is left to be reaped. Its state says less: the first thread of a process may be a zombie while
// another one still runs, or is about to take its place in exec.
bool has_ended(pid_t child);

}  // namespace cv6::guest
