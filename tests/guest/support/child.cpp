#include "support/child.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <ostream>

#include "support/clock.hpp"
#include "support/memory.hpp"

namespace cv6::guest {

namespace {

constexpr int assertion_failed = 99;

}  // namespace

std::ostream& operator<<(std::ostream& out, const Ending& ending) {
  const int status = ending.status;
  if (WIFEXITED(status)) return out << "exited with " << WEXITSTATUS(status);
  if (WIFSIGNALED(status)) return out << "killed by SIG" << sigabbrev_np(WTERMSIG(status));
  return out << "status 0x" << std::hex << status << std::dec;
}

pid_t spawn(const std::function<int()>& body) {
  fflush(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int code = body();
  fflush(nullptr);
  _exit(code);
}

Ending reap(pid_t pid) {
  Ending ending;
  while (waitpid(pid, &ending.status, 0) == -1) {
    if (errno != EINTR) {
      ADD_FAILURE() << "waitpid " << pid << ": " << strerror(errno);
      ending.status = -1;
      break;
    }
  }
  return ending;
}

Ending run(const std::function<int()>& body) {
  const pid_t pid = spawn(body);
  if (pid == -1) {
    ADD_FAILURE() << "fork: " << strerror(errno);
    return Ending{-1};
  }
  return reap(pid);
}

pid_t spawn_checked(const std::function<void()>& body) {
  return spawn([&] {
    body();
    return testing::Test::HasFailure() ? assertion_failed : 0;
  });
}

testing::AssertionResult passes_in_child(const std::function<void()>& body) {
  const pid_t pid = spawn_checked(body);
  if (pid == -1) return testing::AssertionFailure() << "fork: " << strerror(errno);
  const Ending ending = reap(pid);
  if (ending.exited(0)) return testing::AssertionSuccess();
  if (ending.exited(assertion_failed)) return testing::AssertionFailure() << "an assertion failed in the child";
  return testing::AssertionFailure() << "the child " << ending;
}

long nanoseconds_to_end(const std::function<void()>& body) {
  const Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* const done = shared.as<volatile long>();
  const auto passed = passes_in_child([&] {
    body();
    *done = now();
  });
  EXPECT_TRUE(passed);
  return now() - *done;
}

uid_t lonely_user() { return 200'000 + static_cast<uid_t>(getpid()); }

int become_lonely(int resource, rlim_t limit) {
  const uid_t user = lonely_user();
  if (setresuid(user, user, user) != 0) return -1;
  const rlimit limits{limit, limit};
  return setrlimit(static_cast<__rlimit_resource_t>(resource), &limits);
}

void become_helper(const std::string& name, const std::vector<std::string>& arguments) {
  std::vector<char*> argv{const_cast<char*>("guest-tests"), const_cast<char*>("--helper"),
                          const_cast<char*>(name.c_str())};
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  dprintf(2, "exec of /proc/self/exe: %s\n", strerror(errno));
  _exit(127);
}

}  // namespace cv6::guest
