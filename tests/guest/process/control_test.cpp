// prctl, resource usage, times, priorities, limits, arch_prctl.

#include <asm/prctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/soak.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST(Prctl, Name) {
  EXPECT_CHILD({
    char name[17] = {};
    ASSERT_OK(prctl(PR_SET_NAME, "fifteen-letters-and-more"));
    ASSERT_OK(prctl(PR_GET_NAME, name));
    EXPECT_STREQ(name, "fifteen-letters");
    EXPECT_EQ(read_file("/proc/self/comm"), "fifteen-letters\n");
    EXPECT_ERRNO(EFAULT, prctl(PR_SET_NAME, wild()));
    EXPECT_ERRNO(EFAULT, prctl(PR_GET_NAME, wild()));
    EXPECT_ERRNO(EINVAL, prctl(0x7ffffff0));
  });
}

TEST(Prctl, NameIsTheThreads) {
  EXPECT_CHILD({
    prctl(PR_SET_NAME, "first");
    std::thread([] { prctl(PR_SET_NAME, "second"); }).join();
    char name[17] = {};
    prctl(PR_GET_NAME, name);
    EXPECT_STREQ(name, "first");
    EXPECT_CHILD({
      char copy[17] = {};
      prctl(PR_GET_NAME, copy);
      EXPECT_STREQ(copy, "first");
    });
  });
}

TEST(Prctl, DeathSignalOfTheParent) {
  Pipe report;
  Pipe gate;
  const pid_t middle = spawn([&]() -> int {
    spawn([&] {
      Blocked blocked{SIGUSR1};
      prctl(PR_SET_PDEATHSIG, SIGUSR1);
      int signal = 0;
      prctl(PR_GET_PDEATHSIG, &signal);
      gate.notify();
      sigwaitinfo(&blocked.set(), nullptr);
      write(report.write, &signal, sizeof signal);
      return 0;
    });
    gate.wait();
    return 0;
  });
  EXPECT_TRUE(reap(middle).exited(0));
  report.write.close();
  int signal = 0;
  EXPECT_EQ(read(report.read, &signal, sizeof signal), (ssize_t)sizeof signal);
  EXPECT_EQ(signal, SIGUSR1);
  EXPECT_ERRNO(EINVAL, prctl(PR_SET_PDEATHSIG, 65));
}

TEST(Prctl, DeathSignalIsClearedByFork) {
  EXPECT_CHILD({
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    EXPECT_CHILD({
      int signal = -1;
      ASSERT_OK(prctl(PR_GET_PDEATHSIG, &signal));
      EXPECT_EQ(signal, 0);
    });
  });
}

TEST(Prctl, DumpableAndNoNewPrivileges) {
  EXPECT_CHILD({
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 1);
    ASSERT_OK(prctl(PR_SET_DUMPABLE, 0));
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 0);
    EXPECT_ERRNO(EINVAL, prctl(PR_SET_DUMPABLE, 5));
    EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    ASSERT_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    EXPECT_ERRNO(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));  // there is no way back
    EXPECT_CHILD({ EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1); });
  });
}

TEST(ArchPrctl, FsAndGsBases) {
  std::uintptr_t fs = 0;
  ASSERT_OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
  EXPECT_NE(fs, 0u);
  EXPECT_CHILD({
    static long word = 0x1234;
    ASSERT_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
    std::uintptr_t gs = 0;
    ASSERT_OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
    EXPECT_EQ(gs, reinterpret_cast<std::uintptr_t>(&word));
    sched_yield();
    long value = 0;
    asm volatile("mov %%gs:0, %0" : "=r"(value));
    EXPECT_EQ(value, 0x1234);
    EXPECT_ERRNO(EPERM, syscall(SYS_arch_prctl, ARCH_SET_GS, 0xffff'8000'0000'0000));
    EXPECT_ERRNO(EINVAL, syscall(SYS_arch_prctl, 0x9999, 0));
    EXPECT_ERRNO(EFAULT, syscall(SYS_arch_prctl, ARCH_GET_FS, wild()));
  });
}

TEST(Usage, OwnAndChildren) {
  EXPECT_CHILD({
    rusage before{};
    ASSERT_OK(getrusage(RUSAGE_CHILDREN, &before));
    EXPECT_EQ(before.ru_utime.tv_sec + before.ru_utime.tv_usec, 0);
    EXPECT_TRUE(run([] {
                  volatile unsigned work = 0;
                  for (unsigned i = 0; i < 50'000'000; ++i) work = work + 1;
                  return 0;
                }).exited(0));
    rusage after{};
    ASSERT_OK(getrusage(RUSAGE_CHILDREN, &after));
    EXPECT_GT(after.ru_utime.tv_sec * 1'000'000 + after.ru_utime.tv_usec, 0);
    ASSERT_OK(getrusage(RUSAGE_SELF, &after));
    EXPECT_GT(after.ru_maxrss, 0);
    ASSERT_OK(getrusage(RUSAGE_THREAD, &after));
    EXPECT_ERRNO(EINVAL, getrusage(static_cast<__rusage_who>(77), &after));
    EXPECT_ERRNO(EFAULT, syscall(SYS_getrusage, RUSAGE_SELF, wild()));
  });
}

TEST(Usage, FaultsAreCounted) {
  rusage before{}, after{};
  ASSERT_OK(getrusage(RUSAGE_SELF, &before));
  Mapping mapping(100 * page_size);
  madvise(mapping.page(0), mapping.length(), MADV_NOHUGEPAGE);
  for (int i = 0; i < 100; ++i) *mapping.page(i) = std::byte{1};
  ASSERT_OK(getrusage(RUSAGE_SELF, &after));
  EXPECT_GE(after.ru_minflt - before.ru_minflt, 1);
}

TEST(Usage, Times) {
  tms first{}, second{};
  const clock_t start = times(&first);
  ASSERT_NE(start, -1);
  EXPECT_TRUE(wait_until([&] { return times(&second) > start; }));
  EXPECT_GE(second.tms_utime, first.tms_utime);
  EXPECT_EQ(sysconf(_SC_CLK_TCK), 100);
  EXPECT_ERRNO(EFAULT, syscall(SYS_times, wild()));
}

TEST(Priority, NiceAndSetpriority) {
  EXPECT_CHILD({
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, 0));  // whatever the tests were started with
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 0);
    EXPECT_EQ(nice(5), 5);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 5);
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, 100));
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 19);
    EXPECT_CHILD({ EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 19); });
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, -3));  // root may
    EXPECT_EQ(getpriority(PRIO_PROCESS, getpid()), -3);
    EXPECT_ERRNO(ESRCH, setpriority(PRIO_PROCESS, 0x3fffffff, 0));
    EXPECT_ERRNO(EINVAL, setpriority(static_cast<__priority_which>(9), 0, 0));
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(EACCES, setpriority(PRIO_PROCESS, 0, -4));
    EXPECT_OK(setpriority(PRIO_PROCESS, 0, 4));
    EXPECT_ERRNO(EPERM, setpriority(PRIO_PROCESS, getppid(), 4));
  });
}

TEST(Priority, OfAUserWithManyProcessesWhichAreAllKilledInTheEnd) {
  constexpr int many = 300;
  EXPECT_CHILD({
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, 0));  // whatever the tests were started with
    ASSERT_OK(become_lonely(RLIMIT_NPROC, many + 10));
    Pipe gate;
    std::vector<pid_t> pids;
    for (int i = 0; i < many; ++i) {
      pids.push_back(spawn([&] {
        gate.write.close();
        gate.wait();
        return 0;
      }));
      ASSERT_GT(pids.back(), 0);
    }
    ASSERT_OK(setpriority(PRIO_USER, 0, 5));
    for (const pid_t pid : pids) ASSERT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(pid)), 5);
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, 7));
    EXPECT_EQ(getpriority(PRIO_USER, 0), 5);
    EXPECT_OK(kill(-1, SIGKILL));  // nobody else is this user's
    for (const pid_t pid : pids) ASSERT_TRUE(reap(pid).killed_by(SIGKILL));
  });
}

// PRIO_PROCESS names a thread; a new one begins with what the one that makes it has.
TEST(Priority, IsTheThreads) {
  EXPECT_CHILD({
    ASSERT_OK(setpriority(PRIO_PROCESS, 0, 2));
    std::atomic<pid_t> id{0};
    std::atomic<bool> stop{false};
    std::thread other([&] {
      EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 2);
      EXPECT_OK(setpriority(PRIO_PROCESS, 0, 5));
      std::thread([] { EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 5); }).join();
      EXPECT_CHILD({ EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 5); });
      id = gettid();
      stop.wait(false);
    });
    EXPECT_TRUE(wait_until([&] { return id != 0; }));
    EXPECT_EQ(getpriority(PRIO_PROCESS, id), 5);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 2);
    EXPECT_OK(setpriority(PRIO_PROCESS, id, 7));
    EXPECT_EQ(getpriority(PRIO_PROCESS, id), 7);
    EXPECT_EQ(getpriority(PRIO_PROCESS, getpid()), 2);
    ASSERT_OK(setpgid(0, 0));
    EXPECT_EQ(getpriority(PRIO_PGRP, 0), 2);  // the best
    EXPECT_OK(setpriority(PRIO_PGRP, 0, 9));
    EXPECT_EQ(getpriority(PRIO_PROCESS, id), 9);
    EXPECT_EQ(getpriority(PRIO_PROCESS, 0), 9);
    stop = true;
    stop.notify_all();
    other.join();
  });
}

TEST(Limits, GetAndSet) {
  EXPECT_CHILD({
    rlimit limit{};
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
    EXPECT_LE(limit.rlim_cur, limit.rlim_max);
    const rlimit lower{10, 100};
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &lower));
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
    EXPECT_EQ(limit.rlim_cur, 10u);
    EXPECT_EQ(limit.rlim_max, 100u);
    const rlimit upside_down{20, 10};
    EXPECT_ERRNO(EINVAL, setrlimit(RLIMIT_NOFILE, &upside_down));
    EXPECT_ERRNO(EINVAL, syscall(SYS_getrlimit, 99, &limit));
    EXPECT_ERRNO(EFAULT, syscall(SYS_getrlimit, RLIMIT_NOFILE, wild()));
    EXPECT_ERRNO(EFAULT, syscall(SYS_setrlimit, RLIMIT_NOFILE, wild()));
    EXPECT_CHILD({
      rlimit inherited{};
      ASSERT_OK(getrlimit(RLIMIT_NOFILE, &inherited));
      EXPECT_EQ(inherited.rlim_cur, 10u);
    });
    ASSERT_OK(setresuid(1000, 1000, 1000));
    const rlimit higher{10, 200};
    EXPECT_ERRNO(EPERM, setrlimit(RLIMIT_NOFILE, &higher));
  });
}

TEST(Limits, PrlimitOfAnotherProcess) {
  Pipe gate;
  const pid_t pid = spawn([&] {
    gate.write.close();
    gate.wait();
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<int>(limit.rlim_cur);
  });
  const rlimit lower{33, 44};
  rlimit old{};
  EXPECT_OK(prlimit(pid, RLIMIT_NOFILE, &lower, &old));
  EXPECT_GT(old.rlim_cur, 44u);
  gate.write.close();
  EXPECT_TRUE(reap(pid).exited(33));
  EXPECT_ERRNO(ESRCH, prlimit(0x3fffffff, RLIMIT_NOFILE, nullptr, &old));
}

// The limit of CPU time is kept with the process's timers, which go at its end.
TEST(Limits, OfAProcessThatIsEnding) {
  for (int i = 0; i < times(500, 20'000); ++i) {
    const pid_t pid = spawn([] {
      alarm(100);
      return 0;
    });
    for (rlim_t seconds = 1000; seconds > 980; --seconds) {
      const rlimit lower{seconds, 1000};
      EXPECT_OK(prlimit(pid, RLIMIT_CPU, &lower, nullptr));
    }
    EXPECT_TRUE(reap(pid).exited(0));
  }
}

TEST(Limits, ProcessesOfAUser) {
  EXPECT_CHILD({
    ASSERT_OK(become_lonely(RLIMIT_NPROC, 3));
    Pipe gate;
    std::vector<pid_t> pids;
    for (int i = 0; i < 10; ++i) {
      const pid_t pid = spawn([&] {
        gate.write.close();
        gate.wait();
        return 0;
      });
      if (pid == -1) {
        EXPECT_EQ(errno, EAGAIN);
        break;
      }
      pids.push_back(pid);
    }
    EXPECT_EQ(pids.size(), 2u);
    gate.write.close();
    for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
    EXPECT_TRUE(run([] { return 0; }).exited(0));  // there is room again
  });
}

// Threads that are made while another one changes the user are counted where the process is then. (By the plain
// call: the C library's makes it in every thread.)
TEST(Limits, ProcessesOfAUserThatChanges) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_CHILD({
    const uid_t first = lonely_user();
    const uid_t second = first + 1'000'000;
    std::atomic<bool> stop{false};
    std::thread changing([&] {
      while (!stop)
        for (const uid_t user : {first, second}) syscall(SYS_setresuid, user, -1, -1);
    });
    for (int i = 0; i < times(2000, 50'000); ++i) std::thread([] {}).join();
    stop = true;
    changing.join();
    ASSERT_OK(syscall(SYS_setresuid, 0, -1, -1));  // where the call changes the process, not only the thread
    for (const uid_t user : {first, second})
      EXPECT_CHILD({
        const rlimit two{2, 2};
        ASSERT_OK(setrlimit(RLIMIT_NPROC, &two));
        ASSERT_OK(setresuid(user, user, user));
        Pipe gate;
        const pid_t one = spawn([&] {
          gate.write.close();
          gate.wait();
          return 0;
        });
        EXPECT_OK(one);
        EXPECT_ERRNO(EAGAIN, spawn([] { return 0; }));
        gate.write.close();
        reap(one);
      });
  });
}

TEST(Limits, CoreSizeZeroMeansNoCore) {
  const Ending ending = run([] {
    raise(SIGABRT);
    return 0;
  });
  EXPECT_TRUE(ending.killed_by(SIGABRT));
  EXPECT_FALSE(WCOREDUMP(ending.status));
}

TEST(Pid, NumbersAreSane) {
  EXPECT_GT(getpid(), 0);
  EXPECT_GE(getppid(), 0);
  EXPECT_EQ(getpid(), (pid_t)syscall(SYS_getpid));
  EXPECT_EQ(gettid(), (pid_t)syscall(SYS_gettid));
  const pid_t pid = spawn([] { return 0; });
  EXPECT_NE(pid, getpid());
  reap(pid);
  EXPECT_ERRNO(ESRCH, kill(pid, 0));
}

TEST(Pid, AreReusedOnlyAfterReaping) {
  const pid_t zombie = spawn([] { return 0; });
  for (int i = 0; i < 300; ++i) {
    const pid_t pid = spawn([] { return 0; });
    ASSERT_NE(pid, zombie);
    reap(pid);
  }
  EXPECT_TRUE(reap(zombie).exited(0));
}

}  // namespace
}  // namespace cv6::guest
