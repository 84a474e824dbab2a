// alarm, getitimer and setitimer.

#include <sched.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <limits>
#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST(Alarm, SendsItsSignal) {
  Blocked blocked{SIGALRM};
  const long start = now();
  EXPECT_EQ(alarm(1), 0u);
  siginfo_t info{};
  EXPECT_EQ(wait_signal(blocked.set(), &info), SIGALRM);
  EXPECT_EQ(info.si_code, SI_KERNEL);
  EXPECT_GE(now() - start, second - second / 10);
}

TEST(Alarm, ReturnsWhatWasLeft) {
  EXPECT_CHILD({
    EXPECT_EQ(alarm(1000), 0u);
    const unsigned left = alarm(500);
    EXPECT_GT(left, 0u);
    EXPECT_LE(left, 1000u);
    EXPECT_LE(alarm(0), 500u);
    EXPECT_EQ(alarm(0), 0u);
  });
}

// Half a second may be added to what is left.
TEST(Alarm, ReturnsWhatWasLeftOfForever) {
  EXPECT_CHILD({
    const itimerval longest{{0, 0}, {std::numeric_limits<time_t>::max(), 0}};
    ASSERT_OK(setitimer(ITIMER_REAL, &longest, nullptr));
    EXPECT_GT(alarm(0), 0u);
  });
}

TEST(Alarm, KillsByDefault) {
  EXPECT_KILLED_BY(SIGALRM, {
    const itimerval soon{{0, 0}, {0, 1000}};
    setitimer(ITIMER_REAL, &soon, nullptr);
    for (;;) pause();
  });
}

TEST(Itimer, RepeatsUntilStopped) {
  Blocked blocked{SIGALRM};
  const itimerval every{{0, 5000}, {0, 5000}};
  const long start = now();
  ASSERT_OK(setitimer(ITIMER_REAL, &every, nullptr));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(wait_signal(blocked.set()), SIGALRM);
  EXPECT_GE(now() - start, 5 * 5'000'000L - 1'000'000);
  itimerval old{};
  const itimerval none{};
  ASSERT_OK(setitimer(ITIMER_REAL, &none, &old));
  EXPECT_EQ(old.it_interval.tv_usec, 5000);
  const timespec zero{0, 0};
  sigtimedwait(&blocked.set(), nullptr, &zero);
  ASSERT_OK(getitimer(ITIMER_REAL, &old));
  EXPECT_EQ(old.it_value.tv_sec + old.it_value.tv_usec, 0);
}

TEST(Itimer, VirtualAndProfilingCountCpuTime) {
  EXPECT_KILLED_BY(SIGVTALRM, {
    const itimerval soon{{0, 0}, {0, 20'000}};
    setitimer(ITIMER_VIRTUAL, &soon, nullptr);
    for (volatile int i = 0;; i = i + 1) {
    }
  });
  EXPECT_KILLED_BY(SIGPROF, {
    const itimerval soon{{0, 0}, {0, 20'000}};
    setitimer(ITIMER_PROF, &soon, nullptr);
    for (volatile int i = 0;; i = i + 1) {
    }
  });
}

// Processes that end just when their timer expires and is started again, on another processor than the one it belongs to.
TEST(Itimer, EndsWithItsProcess) {
  for (int round = 0; round < 200; ++round) {
    EXPECT_TRUE(run([=] {
                  signal(SIGALRM, SIG_IGN);
                  const itimerval often{{0, 10}, {0, 10 + round % 10}};
                  setitimer(ITIMER_REAL, &often, nullptr);
                  cpu_set_t cpus;
                  CPU_ZERO(&cpus);
                  CPU_SET(1, &cpus);
                  sched_setaffinity(0, sizeof cpus, &cpus);  // fails where there is only one
                  return 0;
                }).exited(0));
  }
}

TEST(Itimer, IntervalsBeyondAllTime) {
  EXPECT_CHILD({
    Blocked blocked{SIGALRM, SIGVTALRM};
    const itimerval once{{INT64_MAX / 1000, 999'999}, {0, 1000}};
    for (const int which : {ITIMER_REAL, ITIMER_VIRTUAL}) ASSERT_OK(setitimer(which, &once, nullptr));
    EXPECT_EQ(wait_signal(signal_set({SIGALRM})), SIGALRM);
    sigset_t pending;
    do sigpending(&pending);
    while (!sigismember(&pending, SIGVTALRM));
    EXPECT_EQ(wait_signal(signal_set({SIGVTALRM})), SIGVTALRM);
    itimerval left{};
    ASSERT_OK(getitimer(ITIMER_REAL, &left));
    EXPECT_GT(left.it_value.tv_sec, 1'000'000);
  });
}

TEST(Itimer, Errors) {
  const itimerval wrong{{0, 0}, {0, 1'000'000}};
  const itimerval negative{{0, 0}, {-1, 0}};
  itimerval value;
  EXPECT_ERRNO(EINVAL, setitimer(ITIMER_REAL, &wrong, nullptr));
  EXPECT_ERRNO(EINVAL, setitimer(ITIMER_REAL, &negative, nullptr));
  EXPECT_ERRNO(EINVAL, getitimer(static_cast<__itimer_which>(9), &value));
  EXPECT_ERRNO(EFAULT, syscall(SYS_setitimer, ITIMER_REAL, wild(), nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getitimer, ITIMER_REAL, wild()));
}

TEST(Itimer, ManyOfWhichNobodyIsTold) {
  std::vector<pid_t> children;
  for (int i = 0; i < 200; ++i)
    children.push_back(spawn([]() -> int {
      cpu_set_t cpus;
      CPU_ZERO(&cpus);
      CPU_SET(0, &cpus);
      sched_setaffinity(0, sizeof cpus, &cpus);
      signal(SIGALRM, SIG_IGN);
      const itimerval often{{0, 10}, {0, 10}};
      setitimer(ITIMER_REAL, &often, nullptr);
      for (;;) pause();
    }));
  for (const pid_t child : children) {
    EXPECT_TRUE(wait_until_blocked(child));
    kill(child, SIGKILL);
    EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  }
}

}  // namespace
}  // namespace cv6::guest
