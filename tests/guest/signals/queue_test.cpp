// Real-time signals: queueing, order, values; sigtimedwait and sigwait; limits of the queue.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

struct Received {
  int signal;
  int value;
  int code;
};

Received received[64];
volatile sig_atomic_t received_count;

void record(int signal, siginfo_t* info, void*) {
  const int index = received_count;
  if (index < 64) received[index] = {signal, info->si_value.sival_int, info->si_code};
  received_count = index + 1;
}

class Queue : public testing::Test {
 protected:
  void SetUp() override { received_count = 0; }
};

TEST_F(Queue, ValuesArriveInOrder) {
  Handler handler(SIGRTMIN, record);
  {
    Blocked blocked{SIGRTMIN};
    for (int i = 0; i < 20; ++i) ASSERT_OK(sigqueue(getpid(), SIGRTMIN, {.sival_int = i * 7}));
  }
  ASSERT_EQ(received_count, 20);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(received[i].value, i * 7);
    EXPECT_EQ(received[i].code, SI_QUEUE);
  }
}

TEST_F(Queue, LowerNumbersComeFirst) {
  sigset_t set = signal_set({SIGRTMIN + 1, SIGRTMIN + 2, SIGRTMIN + 3});
  Blocked blocked{SIGRTMIN + 1, SIGRTMIN + 2, SIGRTMIN + 3};
  for (const int offset : {3, 1, 2, 3, 1}) ASSERT_OK(sigqueue(getpid(), SIGRTMIN + offset, {.sival_int = offset}));
  for (const int offset : {1, 1, 2, 3, 3}) {
    siginfo_t info{};
    EXPECT_EQ(sigwaitinfo(&set, &info), SIGRTMIN + offset);
    EXPECT_EQ(info.si_value.sival_int, offset);
  }
}

TEST_F(Queue, OrdinarySignalsBeforeRealTime) {
  Blocked blocked{SIGUSR1, SIGRTMIN};
  raise(SIGRTMIN);
  raise(SIGUSR1);
  EXPECT_EQ(sigwaitinfo(&blocked.set(), nullptr), SIGUSR1);
  EXPECT_EQ(sigwaitinfo(&blocked.set(), nullptr), SIGRTMIN);
}

TEST_F(Queue, OrdinarySignalKeepsTheFirstInfo) {
  Blocked blocked{SIGUSR1};
  ASSERT_OK(sigqueue(getpid(), SIGUSR1, {.sival_int = 1}));
  ASSERT_OK(sigqueue(getpid(), SIGUSR1, {.sival_int = 2}));
  siginfo_t info{};
  EXPECT_EQ(sigwaitinfo(&blocked.set(), &info), SIGUSR1);
  EXPECT_EQ(info.si_value.sival_int, 1);
  const timespec none{0, 0};
  EXPECT_ERRNO(EAGAIN, sigtimedwait(&blocked.set(), &info, &none));
}

TEST_F(Queue, InfoTellsTheSender) {
  Blocked blocked{SIGRTMIN};
  const pid_t pid = spawn([] { return sigqueue(getppid(), SIGRTMIN, {.sival_ptr = (void*)0x1234'5678'9abc}); });
  siginfo_t info{};
  EXPECT_EQ(sigwaitinfo(&blocked.set(), &info), SIGRTMIN);
  EXPECT_EQ(info.si_pid, pid);
  EXPECT_EQ(info.si_uid, getuid());
  EXPECT_EQ(info.si_value.sival_ptr, (void*)0x1234'5678'9abc);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Queue, TimedWaitTimesOut) {
  Blocked blocked{SIGUSR1};
  const timespec limit{0, 20'000'000};
  const long before = now();
  EXPECT_ERRNO(EAGAIN, sigtimedwait(&blocked.set(), nullptr, &limit));
  EXPECT_GE(now() - before, 20'000'000);
}

TEST_F(Queue, TimedWaitErrors) {
  Blocked blocked{SIGUSR1};
  const timespec wrong{0, 1'000'000'000};
  EXPECT_ERRNO(EINVAL, sigtimedwait(&blocked.set(), nullptr, &wrong));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigtimedwait, wild(), nullptr, nullptr, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigtimedwait, &blocked.set(), nullptr, wild(), 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigtimedwait, &blocked.set(), nullptr, nullptr, 4));
}

TEST_F(Queue, WaitIsInterruptedByAnotherSignal) {
  const pid_t pid = spawn_checked([] {
    Handler handler(SIGUSR2, record);
    const sigset_t set = signal_set({SIGUSR1});
    EXPECT_ERRNO(EINTR, sigwaitinfo(&set, nullptr));
    EXPECT_EQ(received_count, 1);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  ASSERT_OK(kill(pid, SIGUSR2));
  EXPECT_TRUE(reap(pid).exited(0));
}

// Not even for a moment: whoever waits is still waiting when the one that counts comes.
TEST_F(Queue, IgnoredSignalsDoNotInterruptTheWait) {
  const pid_t pid = spawn_checked([] {
    Blocked blocked{SIGUSR1};
    EXPECT_EQ(sigwaitinfo(&blocked.set(), nullptr), SIGUSR1);
  });
  for (const int ignored : {SIGCHLD, SIGURG, SIGWINCH}) {
    ASSERT_TRUE(wait_until_blocked(pid));
    ASSERT_OK(kill(pid, ignored));
  }
  wait_until_blocked(pid);
  ASSERT_OK(kill(pid, SIGUSR1));
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Queue, WaitWakesBlockedProcess) {
  const pid_t pid = spawn_checked([] {
    Blocked blocked{SIGUSR1};
    int signal = 0;
    EXPECT_EQ(sigwait(&blocked.set(), &signal), 0);
    EXPECT_EQ(signal, SIGUSR1);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  ASSERT_OK(kill(pid, SIGUSR1));
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Queue, QueueErrors) {
  EXPECT_ERRNO(EINVAL, sigqueue(getpid(), 65, {}));
  EXPECT_ERRNO(ESRCH, sigqueue(0x3fffffff, 0, {}));
  EXPECT_OK(sigqueue(getpid(), 0, {}));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, wild()));
  siginfo_t forged{};
  forged.si_code = SI_USER;  // would look as if the other process had called kill
  EXPECT_ERRNO(EPERM, syscall(SYS_rt_sigqueueinfo, getppid(), SIGWINCH, &forged));
}

TEST_F(Queue, LimitOfPendingSignals) {
  EXPECT_CHILD({
    ASSERT_OK(become_lonely(RLIMIT_SIGPENDING, 10));
    Blocked blocked{SIGRTMIN};
    int queued = 0;
    while (queued < 100 && sigqueue(getpid(), SIGRTMIN, {.sival_int = queued}) == 0) ++queued;
    EXPECT_EQ(queued, 10);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_OK(kill(getpid(), SIGRTMIN) == 0 || errno == EAGAIN ? 0 : -1);
    siginfo_t info{};
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(sigwaitinfo(&blocked.set(), &info), SIGRTMIN);
      EXPECT_EQ(info.si_value.sival_int, i);
    }
  });
}

// As a user of whom nobody else has signals queued, and who may have `most`.
void become_limited(rlim_t most) {
  const uid_t lonely = lonely_user();
  const rlimit few{most, most};
  ASSERT_OK(setresuid(lonely, lonely, lonely));
  ASSERT_OK(setrlimit(RLIMIT_SIGPENDING, &few));
}

int count_pending(const sigset_t& set) {
  const timespec none{0, 0};
  int count = 0;
  while (sigtimedwait(&set, nullptr, &none) != -1) ++count;
  return count;
}

// What the kernel sends is limited as well: at the end of a child, by the signal that clone(2) was given for it.
TEST_F(Queue, LimitOfSignalsOfEndedChildren) {
  EXPECT_CHILD({
    become_limited(10);
    Blocked blocked{SIGRTMIN};
    for (int i = 0; i < 100; ++i) {
      const long child = syscall(SYS_clone, SIGRTMIN, nullptr, nullptr, nullptr, nullptr);
      if (child == 0) _exit(0);
      ASSERT_OK(child);
      ASSERT_OK(waitpid(static_cast<pid_t>(child), nullptr, __WALL));
    }
    EXPECT_EQ(count_pending(blocked.set()), 10);
  });
}

// Of a line of processes the last but one is killed, and each ends when the one below it has: the last one has another parent,
// and is sent a signal, each time.
TEST_F(Queue, LimitOfSignalsOfEndedParents) {
  EXPECT_CHILD({
    constexpr int generations = 20;
    become_limited(5);
    Blocked blocked{SIGRTMIN};
    const pid_t first = getpid();
    int generation = 0;
    for (; generation < generations; ++generation) {
      ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
      if (fork() != 0) break;
    }
    if (generation == generations) {
      prctl(PR_SET_PDEATHSIG, SIGRTMIN);
      kill(getppid(), SIGKILL);
      if (!wait_until([&] { return getppid() == first; })) _exit(1);
      _exit(count_pending(blocked.set()) == 5 ? 0 : 2);
    }
    if (generation != 0) {
      wait(nullptr);
      _exit(3);
    }
    int succeeded = 0;
    for (int status; wait(&status) != -1;) succeeded += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    EXPECT_EQ(succeeded, 1);
  });
}

TEST_F(Queue, ManySendersLoseNothing) {
  EXPECT_CHILD({
    Blocked blocked{SIGRTMIN + 4};
    std::vector<pid_t> pids;
    const pid_t self = getpid();
    for (int sender = 0; sender < 4; ++sender) {
      pids.push_back(spawn([=] {
        for (int i = 0; i < 100; ++i) {
          if (sigqueue(self, SIGRTMIN + 4, {.sival_int = sender * 1000 + i}) == -1) return 1;
        }
        return 0;
      }));
    }
    int next[4] = {};
    for (int i = 0; i < 400; ++i) {
      siginfo_t info{};
      ASSERT_EQ(sigwaitinfo(&blocked.set(), &info), SIGRTMIN + 4);
      const int sender = info.si_value.sival_int / 1000;
      EXPECT_EQ(info.si_value.sival_int % 1000, next[sender]++);
    }
    for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  });
}

}  // namespace
}  // namespace cv6::guest
