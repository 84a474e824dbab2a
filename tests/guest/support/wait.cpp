#include "support/wait.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "support/clock.hpp"

namespace cv6::guest {

int limit_seconds() {
  const char* value = getenv("CV6_TEST_LIMIT");
  const int seconds = value ? atoi(value) : 0;
  return seconds > 0 ? seconds : 120;
}

testing::AssertionResult wait_until(const std::function<bool()>& condition) {
  const long end = now() + limit_seconds() * second;
  for (int round = 0; !condition(); ++round) {
    if (now() > end) return testing::AssertionFailure() << "still false after the limit";
    const timespec pause{0, round < 100 ? 50'000 : 1'000'000};
    nanosleep(&pause, nullptr);
  }
  return testing::AssertionSuccess();
}

int wait_signal(const sigset_t& set, siginfo_t* info) {
  const timespec limit{limit_seconds(), 0};
  return sigtimedwait(&set, info, &limit);
}

char state_of(pid_t id) {
  const std::string path = "/proc/" + std::to_string(id) + "/stat";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd == -1) return 0;
  char text[512];
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  const char* after_name = strrchr(text, ')');
  return after_name && after_name[1] == ' ' ? after_name[2] : 0;
}

testing::AssertionResult wait_until_blocked(pid_t id) { return wait_for_state(id, 'S'); }

testing::AssertionResult wait_for_state(pid_t id, char state) {
  const auto result = wait_until([&] { return state_of(id) == state; });
  if (result) return result;
  return testing::AssertionFailure() << id << " did not get to the state " << state << ", it is in " << state_of(id);
}

bool has_ended(pid_t child) {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT | WNOHANG) == 0) return info.si_pid == child;
  ADD_FAILURE() << "cannot wait for " << child << ": " << strerror(errno);
  return true;
}

}  // namespace cv6::guest
