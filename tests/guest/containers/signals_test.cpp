// Signals reach processes of the same container and of those below it, never up or sideways.

#include "support/signals.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerSignals : public Containers {};

TEST_F(ContainerSignals, NeverGoUp) {
  Box box;
  const pid_t self = getpid();
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(ESRCH, kill(self, SIGKILL));
    EXPECT_ERRNO(ESRCH, kill(-self, SIGKILL));
    EXPECT_EQ(getpgid(0), 0);  // its group is outside
    EXPECT_ERRNO(ESRCH, ::syscall(SYS_tkill, self, SIGKILL));
    EXPECT_ERRNO(ESRCH, ::syscall(SYS_tgkill, self, self, SIGKILL));
    EXPECT_ERRNO(ESRCH, sigqueue(self, SIGKILL, {}));
    EXPECT_ERRNO(ESRCH, kill(-1, SIGKILL));  // there is nobody but the caller
    rlimit limit{};
    EXPECT_ERRNO(ESRCH, prlimit(self, RLIMIT_NOFILE, nullptr, &limit));
    EXPECT_ERRNO(ESRCH, getpriority(PRIO_PROCESS, self));
    EXPECT_ERRNO(ESRCH, getsid(self));
    EXPECT_ERRNO(ESRCH, sched_getscheduler(self));
  });
}

TEST_F(ContainerSignals, NeverGoSideways) {
  Box box;
  Box other;
  const pid_t neighbour = spawn_helper(other.id(), "container-pause");
  ASSERT_OK(neighbour);
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(ESRCH, kill(neighbour, SIGKILL));
    EXPECT_ERRNO(ESRCH, kill(1, SIGKILL));
    EXPECT_ERRNO(ESRCH, kill(-1, SIGKILL));
  });
  EXPECT_OK(kill(neighbour, 0));
}

// A process that exits with 0 when `end` is notified.
pid_t spawn_until(Pipe& end) {
  return spawn([&] {
    end.wait();
    return 0;
  });
}

// The caller's process group has members outside: they are not meant.
TEST_F(ContainerSignals, ToTheOwnGroupStayInside) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(setpgid(0, 0));
    Pipe end;
    const pid_t outside = spawn_until(end);
    const pid_t joined = spawn_checked([&] {
      ASSERT_OK(join_container(box.id()));
      const Handler handler(SIGUSR1, [](int) {});
      EXPECT_OK(kill(0, SIGUSR1));
    });
    EXPECT_TRUE(reap(joined).exited(0));
    end.notify();
    EXPECT_TRUE(reap(outside).exited(0));
  });
}

// The leader of the group itself is inside, so that its number is known there.
TEST_F(ContainerSignals, ToAGroupByNumberStayInside) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(setpgid(0, 0));
    Pipe end;
    const pid_t outside = spawn_until(end);
    const Handler handler(SIGUSR1, [](int) {});
    ASSERT_OK(join_container(box.id()));
    EXPECT_OK(kill(-getpid(), SIGUSR1));
    EXPECT_OK(kill(0, SIGUSR1));
    EXPECT_ERRNO(ESRCH, setpriority(PRIO_PROCESS, outside, 5));
    ASSERT_OK(leave_container());
    end.notify();
    EXPECT_TRUE(reap(outside).exited(0));
  });
}

TEST_F(ContainerSignals, GoDown) {
  Box box;
  const pid_t inside = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(inside);
  EXPECT_OK(kill(inside, SIGKILL));
  EXPECT_TRUE(reap(inside).killed_by(SIGKILL));
}

std::atomic<int> sender_seen;

TEST_F(ContainerSignals, TheSenderOutsideHasTheNumberZero) {
  Box box;
  Pipe ready;
  const pid_t joined = box.start([&] {
    sender_seen = -1;
    const Handler handler(SIGUSR1, [](int, siginfo_t* info, void*) { sender_seen = info->si_pid; });
    ready.notify();
    EXPECT_TRUE(wait_until([] { return sender_seen != -1; }));
    EXPECT_EQ(sender_seen, 0);
  });
  ASSERT_TRUE(ready.wait());
  EXPECT_OK(kill(joined, SIGUSR1));
  EXPECT_TRUE(reap(joined).exited(0));
}

TEST_F(ContainerSignals, TheFirstProcessIsSafeFromThoseInside) {
  Box box;
  const pid_t first = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(first);
  EXPECT_INSIDE(box, {
    EXPECT_OK(kill(1, SIGKILL));
    EXPECT_OK(kill(1, SIGTERM));
    EXPECT_OK(kill(1, 0));
  });
  EXPECT_OK(kill(first, 0));
  EXPECT_EQ(waitpid(first, nullptr, WNOHANG), 0);
}

}  // namespace
}  // namespace cv6::guest
