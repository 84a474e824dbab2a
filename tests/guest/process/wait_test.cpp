// wait4 and waitid with all their options; orphans; SIGCHLD ignored.

#include "support/wait.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "support/child.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/soak.hpp"

namespace cv6::guest {
namespace {

TEST(Wait, WithoutChildrenIsEchild) {
  EXPECT_CHILD({
    EXPECT_ERRNO(ECHILD, waitpid(-1, nullptr, 0));
    EXPECT_ERRNO(ECHILD, waitpid(-1, nullptr, WNOHANG));
    EXPECT_ERRNO(ECHILD, waitpid(getpid(), nullptr, 0));
    EXPECT_ERRNO(ECHILD, waitpid(0, nullptr, 0));
    siginfo_t info;
    EXPECT_ERRNO(ECHILD, waitid(P_ALL, 0, &info, WEXITED));
  });
}

TEST(Wait, NotMyChildIsEchild) {
  EXPECT_ERRNO(ECHILD, waitpid(getppid(), nullptr, 0));
  EXPECT_CHILD({
    const pid_t child = spawn([] {
      const pid_t grandchild = spawn([] { return 0; });
      return reap(grandchild).exited(0) ? 0 : 1;
    });
    EXPECT_TRUE(reap(child).exited(0));
    EXPECT_ERRNO(ECHILD, waitpid(child, nullptr, 0));  // a child is reaped once
  });
}

TEST(Wait, RefusesUnknownOptions) {
  EXPECT_ERRNO(EINVAL, waitpid(-1, nullptr, 0x100));
  siginfo_t info;
  EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &info, 0));
  EXPECT_ERRNO(EINVAL, waitid(P_ALL, 0, &info, WEXITED | 0x100));
  EXPECT_ERRNO(EINVAL, waitid(static_cast<idtype_t>(17), 0, &info, WEXITED));
  EXPECT_ERRNO(EINVAL, waitid(P_PID, 0, &info, WEXITED));
  EXPECT_ERRNO(ESRCH, waitpid(std::numeric_limits<int>::min(), nullptr, WNOHANG));
}

TEST(Wait, NohangReturnsZeroWhileItRuns) {
  Pipe gate;
  const pid_t pid = spawn([&] {
    gate.write.close();
    gate.wait();
    return 6;
  });
  int status = 0x1234;
  EXPECT_EQ(waitpid(pid, &status, WNOHANG), 0);
  EXPECT_EQ(status, 0x1234);
  siginfo_t info;
  memset(&info, 0xff, sizeof info);
  EXPECT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOHANG), 0);
  EXPECT_EQ(info.si_pid, 0);
  EXPECT_EQ(info.si_signo, 0);
  gate.write.close();
  EXPECT_TRUE(wait_until([&] { return waitpid(pid, &status, WNOHANG) == pid; }));
  EXPECT_TRUE(Ending{status}.exited(6));
}

TEST(Wait, NullAndWildStatusPointers) {
  EXPECT_EQ(waitpid(spawn([] { return 0; }), nullptr, 0) > 0, true);
  EXPECT_CHILD({
    const pid_t pid = spawn([] { return 0; });
    EXPECT_ERRNO(EFAULT, syscall(SYS_wait4, pid, wild(), 0, nullptr));
  });
}

TEST(Wait, KilledChildReportsTheSignal) {
  for (const int signal : {SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGALRM, SIGRTMIN}) {
    const Ending ending = run([&] {
      kill(getpid(), signal);
      return 0;
    });
    EXPECT_TRUE(ending.killed_by(signal)) << ending;
  }
}

TEST(Wait, AnyChildIsFoundByPidGroupOrAll) {
  EXPECT_CHILD({
    const pid_t first = spawn([] { return 1; });
    EXPECT_EQ(waitpid(-1, nullptr, 0), first);
    const pid_t second = spawn([] { return 2; });
    EXPECT_EQ(waitpid(0, nullptr, 0), second);
    Pipe gate;
    const pid_t third = spawn([&] {
      setpgid(0, 0);
      gate.notify();
      return 3;
    });
    ASSERT_TRUE(gate.wait());
    int status = 0;
    EXPECT_ERRNO(ECHILD, waitpid(0, nullptr, 0));  // it has left our group
    EXPECT_EQ(waitpid(-third, &status, 0), third);
    EXPECT_TRUE(Ending{status}.exited(3));
  });
}

TEST(Wait, UsageComesWithTheChild) {
  const pid_t pid = spawn([] {
    volatile unsigned work = 0;
    for (unsigned i = 0; i < 50'000'000; ++i) work = work + i;
    return 0;
  });
  rusage usage{};
  int status = 0;
  EXPECT_EQ(wait4(pid, &status, 0, &usage), pid);
  EXPECT_GT(usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec, 0);
}

TEST(Waitid, FillsSiginfo) {
  const pid_t pid = spawn([] { return 23; });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED), 0);
  EXPECT_EQ(info.si_signo, SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_uid, getuid());
  EXPECT_EQ(info.si_status, 23);
}

TEST(Waitid, ReportsKilledWithoutCore) {
  const pid_t pid = spawn([] {
    raise(SIGKILL);
    return 0;
  });
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED), 0);
  EXPECT_EQ(info.si_code, CLD_KILLED);
  EXPECT_EQ(info.si_status, SIGKILL);
}

TEST(Waitid, NowaitLeavesTheChild) {
  const pid_t pid = spawn([] { return 8; });
  for (int i = 0; i < 3; ++i) {
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(info.si_pid, pid);
  }
  EXPECT_EQ(state_of(pid), 'Z');
  EXPECT_TRUE(reap(pid).exited(8));
}

// One that has ended will never stop, nor go on.
TEST(Waitid, OfOneThatHasEndedAndIsNotAskedForThat) {
  EXPECT_CHILD({
    Pipe gate;
    const pid_t pid = spawn([&] {
      gate.write.close();
      gate.wait();
      return 8;
    });
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PID, pid, &info, WSTOPPED | WNOHANG), 0);
    gate.write.close();
    EXPECT_ERRNO(ECHILD, waitid(P_PID, pid, &info, WSTOPPED));  // it ends meanwhile, or has ended
    EXPECT_ERRNO(ECHILD, waitid(P_PID, pid, &info, WCONTINUED));
    EXPECT_ERRNO(ECHILD, waitid(P_ALL, 0, &info, WSTOPPED | WNOHANG));
    EXPECT_TRUE(reap(pid).exited(8));
  });
}

TEST(Waitid, GroupAndNullInfo) {
  EXPECT_CHILD({
    setpgid(0, 0);
    spawn([] { return 1; });
    EXPECT_EQ(waitid(P_PGID, getpgrp(), nullptr, WEXITED), 0);
    spawn([] { return 1; });
    EXPECT_EQ(waitid(P_PGID, 0, nullptr, WEXITED), 0);
    spawn([] { return 1; });
    EXPECT_ERRNO(EFAULT, syscall(SYS_waitid, P_ALL, 0, wild(), WEXITED, nullptr));
  });
}

TEST(Wait, StopAndContinueAreReportedOnRequest) {
  Pipe gate;
  const pid_t pid = spawn([&] {
    gate.write.close();
    gate.wait();
    return 0;
  });
  int status = 0;
  ASSERT_OK(kill(pid, SIGSTOP));
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  EXPECT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(WSTOPSIG(status), SIGSTOP);
  EXPECT_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);  // reported once
  EXPECT_EQ(state_of(pid), 'T');
  ASSERT_OK(kill(pid, SIGCONT));
  ASSERT_EQ(waitpid(pid, &status, WCONTINUED), pid);
  EXPECT_TRUE(WIFCONTINUED(status));
  EXPECT_EQ(waitpid(pid, &status, WCONTINUED | WNOHANG), 0);
  gate.write.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Waitid, StopAndContinueCodes) {
  Pipe gate;
  const pid_t pid = spawn([&] {
    gate.write.close();
    gate.wait();
    return 0;
  });
  siginfo_t info{};
  ASSERT_OK(kill(pid, SIGTSTP));
  ASSERT_EQ(waitid(P_PID, pid, &info, WSTOPPED), 0);
  EXPECT_EQ(info.si_code, CLD_STOPPED);
  EXPECT_EQ(info.si_status, SIGTSTP);
  ASSERT_OK(kill(pid, SIGCONT));
  ASSERT_EQ(waitid(P_PID, pid, &info, WCONTINUED), 0);
  EXPECT_EQ(info.si_code, CLD_CONTINUED);
  EXPECT_EQ(info.si_status, SIGCONT);
  gate.write.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Wait, IgnoredSigchldReapsByItself) {
  EXPECT_CHILD({
    signal(SIGCHLD, SIG_IGN);
    for (int round = 0; round < 50; ++round) {
      for (int i = 0; i < 3; ++i) ASSERT_OK(spawn([] { return 1; }));
      ASSERT_EQ(waitpid(-1, nullptr, 0), -1);  // returns only when all have gone
      ASSERT_EQ(errno, ECHILD);
    }
  });
}

TEST(Wait, NocldwaitReapsByItself) {
  EXPECT_CHILD({
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    action.sa_flags = SA_NOCLDWAIT;
    sigaction(SIGCHLD, &action, nullptr);
    const pid_t pid = spawn([] { return 1; });
    EXPECT_ERRNO(ECHILD, waitpid(pid, nullptr, 0));
    // The wait may end a little before the child is gone altogether.
    EXPECT_TRUE(wait_until([&] { return kill(pid, 0) == -1; }));
    EXPECT_EQ(errno, ESRCH);
  });
}

TEST(Wait, OrphansGoToTheSubreaper) {
  EXPECT_CHILD({
    ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    int is_reaper = 0;
    ASSERT_OK(prctl(PR_GET_CHILD_SUBREAPER, &is_reaper));
    EXPECT_EQ(is_reaper, 1);
    Pipe ids;
    Pipe gate;
    const pid_t middle = spawn([&] {
      const pid_t orphan = spawn([&] {
        gate.write.close();
        gate.wait();
        return getppid() & 0x7f;
      });
      write(ids.write, &orphan, sizeof orphan);
      return 0;
    });
    EXPECT_TRUE(reap(middle).exited(0));
    pid_t orphan = 0;
    ASSERT_EQ(read(ids.read, &orphan, sizeof orphan), (ssize_t)sizeof orphan);
    gate.write.close();
    EXPECT_TRUE(reap(orphan).exited(getpid() & 0x7f));
  });
}

TEST(Wait, OrphansGetANewParent) {
  Pipe answer;
  Pipe gate;
  const pid_t middle = spawn([&] {
    const pid_t self = getpid();
    spawn([&] {
      gate.write.close();
      gate.wait();
      const char adopted = getppid() != self;
      write(answer.write, &adopted, 1);
      return 0;
    });
    return 0;
  });
  EXPECT_TRUE(reap(middle).exited(0));
  gate.write.close();
  char adopted = 0;
  EXPECT_EQ(read(answer.read, &adopted, 1), 1);
  EXPECT_EQ(adopted, 1);
}

// With so many zombies, in its own process group or all in another one.
enum class Group { own, other };
long nanoseconds_to_end_with(int zombies, Group group) {
  const long took = nanoseconds_to_end([&] {
    pid_t leader = 0;
    for (int i = 0; i < zombies; ++i) {
      const pid_t child = vfork();
      if (child == 0) _exit(group == Group::other ? setpgid(0, leader) : 0);
      ASSERT_OK(child);
      if (leader == 0) leader = child;
    }
  });
  for (int status; wait(&status) > 0;) EXPECT_EQ(status, 0);
  return took;
}

// Each group is looked at once, not once for each child in it. (Linux does that.)
TEST(Wait, ManyOrphansInOneGroup) {
  if (!has_containers()) GTEST_SKIP() << "quadratic on Linux";
  EXPECT_CHILD({
    ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    constexpr int many = 4'000;
    long own = INT64_MAX, other = INT64_MAX;
    for (int round = 0; round < 2; ++round) {
      own = std::min(own, nanoseconds_to_end_with(many, Group::own));
      other = std::min(other, nanoseconds_to_end_with(many, Group::other));
    }
    EXPECT_LT(other, 10 * own + 20'000'000);
  });
}

// What is told of a child that goes on while it changes who it is.
TEST(Wait, TellsTheUserOfAChildThatChangesIt) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  const pid_t pid = spawn([]() -> int {
    for (;;)
      if (setresuid(1, 1, 0) != 0 || setresuid(-1, 0, 0) != 0) return 1;
  });
  for (int i = 0; i < times(300, 100'000); ++i) {
    siginfo_t info{};
    ASSERT_OK(kill(pid, SIGSTOP));
    ASSERT_OK(waitid(P_PID, pid, &info, WSTOPPED));
    ASSERT_LE(info.si_uid, 1u);
    ASSERT_OK(kill(pid, SIGCONT));
    ASSERT_OK(waitid(P_PID, pid, &info, WCONTINUED));
    ASSERT_LE(info.si_uid, 1u);
  }
  kill(pid, SIGKILL);
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
}

}  // namespace
}  // namespace cv6::guest
