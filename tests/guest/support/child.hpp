#pragma once
// Child processes of tests: what must not disturb the test program (crashes, other credentials, limits, sessions,
// handlers) runs in a forked child, whose assertions count as the test's own.

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <functional>
#include <string>
#include <vector>

#include "support/check.hpp"

namespace cv6::guest {

// How a process ended, as wait4 reports it.
struct Ending {
  int status = 0;
  bool exited(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
  bool killed_by(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};
std::ostream& operator<<(std::ostream& out, const Ending& ending);

// Forks; the child runs `body` and exits with its result. The parent gets the pid, or -1 and errno.
pid_t spawn(const std::function<int()>& body);

// Waits for exactly this child, through interruptions.
Ending reap(pid_t pid);

// spawn and reap.
Ending run(const std::function<int()>& body);

// Runs `body` in a child; true when the child ended by itself and no assertion of gtest failed in it.
testing::AssertionResult passes_in_child(const std::function<void()>& body);

// How long a process takes to end, in nanoseconds, when `body` is done.
long nanoseconds_to_end(const std::function<void()>& body);

// As spawn, for a body with assertions: the child's exit code is 0 exactly when none failed.
pid_t spawn_checked(const std::function<void()>& body);

// A user id that nobody else has: for limits that count what a user has.
uid_t lonely_user();
// The caller is one from now on, and has such a limit. -1 and errno, or 0.
int become_lonely(int resource, rlim_t limit);

// Runs this very program again, by /proc/self/exe, as the helper `name` (see helper.hpp) with the arguments; never
// returns.
[[noreturn]] void become_helper(const std::string& name, const std::vector<std::string>& arguments = {});

}  // namespace cv6::guest

// Runs the statements in a child, as passes_in_child.
#define EXPECT_CHILD(...)                                                                 \
  if (const auto passed_ = ::cv6::guest::passes_in_child([&] { __VA_ARGS__; }); !passed_) \
  ADD_FAILURE() << passed_.message()

// Runs the statements in a child that the signal must kill.
#define EXPECT_KILLED_BY(signal, ...)                                            \
  do {                                                                           \
    const auto ending_ = ::cv6::guest::run([&]() -> int {                        \
      __VA_ARGS__;                                                               \
      return 0;                                                                  \
    });                                                                          \
    EXPECT_TRUE(ending_.killed_by(signal)) << ending_ << " instead of " #signal; \
  } while (false)
