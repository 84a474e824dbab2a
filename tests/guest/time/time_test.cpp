// Clocks, sleeping, processors.

#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/container.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST(Clock, AllOfThem) {
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                                CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME}) {
    timespec time{};
    EXPECT_OK(clock_gettime(clock, &time));
    EXPECT_GE(time.tv_nsec, 0);
    EXPECT_LT(time.tv_nsec, second);
    EXPECT_GE(now(clock), nanoseconds(time)) << clock;
    timespec resolution{};
    EXPECT_OK(clock_getres(clock, &resolution));
    EXPECT_EQ(resolution.tv_sec, 0);
    EXPECT_GT(resolution.tv_nsec, 0);
  }
}

// What a program finds in its memory to read clocks with (vdso(7)): the same clocks as the kernel's.
TEST(Vdso, ShowsTheKernelsClocks) {
  const auto* const header = reinterpret_cast<const char*>(getauxval(AT_SYSINFO_EHDR));
  ASSERT_NE(header, nullptr);
  EXPECT_EQ(std::string_view(header, 4), "\177ELF");
  const auto asked = [](clockid_t clock) {
    timespec time{};
    EXPECT_OK(syscall(SYS_clock_gettime, clock, &time));
    return nanoseconds(time);
  };
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI}) {
    const long before = asked(clock);
    const long between = now(clock);
    EXPECT_LE(before, between) << clock;
    EXPECT_LE(between, asked(clock)) << clock;
  }
  const long before = asked(CLOCK_REALTIME);
  timeval time{};
  EXPECT_OK(gettimeofday(&time, nullptr));
  EXPECT_LE(before / 1000, time.tv_sec * 1'000'000 + time.tv_usec);
  // time(2) may lag behind by a tick, where it is read from a coarse clock.
  EXPECT_NEAR(static_cast<double>(::time(nullptr)), static_cast<double>(time.tv_sec), 1);
}

TEST(Vdso, IsNotWritable) {
  auto* const header = reinterpret_cast<volatile char*>(getauxval(AT_SYSINFO_EHDR));
  ASSERT_NE(header, nullptr);
  EXPECT_EXIT(header[0] = 0, testing::KilledBySignal(SIGSEGV), "");
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line) && !line.contains("[vdso]")) continue;
  EXPECT_TRUE(line.contains(" r-x")) << line;
}

// Every program reads the clock as it is set, whoever sets it; and it is put back.
TEST(Vdso, FollowsTheClockBeingSet) {
  if (!has_containers()) GTEST_SKIP() << "a developer's clock is not set";
  timespec time{};
  ASSERT_OK(clock_gettime(CLOCK_REALTIME, &time));
  const timespec start = time;
  time.tv_sec += 1000;
  ASSERT_OK(clock_settime(CLOCK_REALTIME, &time));
  EXPECT_GE(now(CLOCK_REALTIME), (start.tv_sec + 1000) * second + start.tv_nsec);
  ASSERT_OK(clock_gettime(CLOCK_REALTIME, &time));
  time.tv_sec -= 1000;
  EXPECT_OK(clock_settime(CLOCK_REALTIME, &time));
  EXPECT_LT(now(CLOCK_REALTIME), (start.tv_sec + 1000) * second);
}

TEST(Clock, Errors) {
  timespec time{1'000'000'000, 0};
  EXPECT_ERRNO(EINVAL, syscall(SYS_clock_gettime, 999, &time));
  EXPECT_ERRNO(EINVAL, syscall(SYS_clock_getres, 999, &time));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clock_gettime, CLOCK_MONOTONIC, wild()));
  EXPECT_OK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, nullptr));
  EXPECT_CHILD({
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(EPERM, clock_settime(CLOCK_REALTIME, &time));
  });
  EXPECT_ERRNO(EINVAL, clock_settime(CLOCK_MONOTONIC, &time));
}

// The clock would come to its end soon, or has no such time at all.
TEST(Clock, RefusesTheFarFuture) {
  for (const time_t seconds : {time_t{9'223'372'036}, time_t{9'000'000'000}, std::numeric_limits<time_t>::max()}) {
    const timespec time{seconds, 0};
    EXPECT_ERRNO(EINVAL, syscall(SYS_clock_settime, CLOCK_REALTIME, &time));
    const timeval value{seconds, 0};
    EXPECT_ERRNO(EINVAL, syscall(SYS_settimeofday, &value, nullptr));
  }
  EXPECT_GT(now(CLOCK_REALTIME), 0);
}

TEST(Clock, RealtimeViewsAgree) {
  const long before = now(CLOCK_REALTIME);
  timeval tv{};
  ASSERT_OK(gettimeofday(&tv, nullptr));
  const long after = now(CLOCK_REALTIME);
  const long middle = tv.tv_sec * second + tv.tv_usec * 1000L;
  EXPECT_GE(middle, before - 1000);
  EXPECT_LE(middle, after);
  const time_t plain = syscall(SYS_time, nullptr);
  EXPECT_GE(plain, before / second - 1);
  time_t stored = 0;
  EXPECT_EQ(syscall(SYS_time, &stored), stored);
  EXPECT_GT(before / second, 946'684'800);  // after the year 2000
}

TEST(Clock, CoarseIsNeverAhead) {
  for (int i = 0; i < 100; ++i) {
    const long coarse = now(CLOCK_MONOTONIC_COARSE);
    EXPECT_LE(coarse, now(CLOCK_MONOTONIC));
  }
}

TEST(Clock, CpuTimeCountsWork) {
  const long process = now(CLOCK_PROCESS_CPUTIME_ID);
  const long thread = now(CLOCK_THREAD_CPUTIME_ID);
  volatile unsigned work = 0;
  for (unsigned i = 0; i < 5'000'000; ++i) work = work + i;
  EXPECT_GT(now(CLOCK_PROCESS_CPUTIME_ID), process);
  EXPECT_GT(now(CLOCK_THREAD_CPUTIME_ID), thread);
}

TEST(Clock, SleepingTakesNoCpuTime) {
  const long cpu = now(CLOCK_THREAD_CPUTIME_ID);
  const timespec pause{0, 200'000'000};
  ASSERT_OK(nanosleep(&pause, nullptr));
  EXPECT_LT(now(CLOCK_THREAD_CPUTIME_ID) - cpu, 200'000'000);
}

TEST(Clock, CpuClockOfAnotherThread) {
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) continue;
  });
  clockid_t clock;
  ASSERT_EQ(pthread_getcpuclockid(busy.native_handle(), &clock), 0);
  const long before = now(clock);
  EXPECT_TRUE(wait_until([&] { return now(clock) > before; }));
  stop = true;
  busy.join();
}

TEST(Clock, MonotonicNeverGoesBackOverThreads) {
  std::atomic<long> latest{now(CLOCK_MONOTONIC)};
  std::atomic<int> backwards{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        const long seen = latest;  // another thread read this before
        const long mine = now();
        if (mine < seen) ++backwards;
        long expected = seen;
        while (expected < mine && !latest.compare_exchange_weak(expected, mine)) continue;
        if (i % 100 == 0) sched_yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(backwards, 0);
}

TEST(Sleep, AtLeastAsLong) {
  for (const long length : {1L, 1'000'000L, 30'000'000L}) {
    const timespec pause{0, length};
    const long start = now(CLOCK_MONOTONIC);
    EXPECT_OK(nanosleep(&pause, nullptr));
    EXPECT_GE(now(CLOCK_MONOTONIC) - start, length);
  }
  const timespec none{0, 0};
  EXPECT_OK(nanosleep(&none, nullptr));
}

TEST(Sleep, UntilAMoment) {
  for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME}) {
    const long until = now(clock) + 20'000'000;
    const timespec moment = time_of(until);
    EXPECT_EQ(clock_nanosleep(clock, TIMER_ABSTIME, &moment, nullptr), 0);
    EXPECT_GE(now(clock), until);
    const timespec past{1, 0};
    EXPECT_EQ(clock_nanosleep(clock, TIMER_ABSTIME, &past, nullptr), 0);
  }
}

TEST(Sleep, Errors) {
  const timespec large{0, second};
  const timespec negative{-1, 0};
  EXPECT_ERRNO(EINVAL, nanosleep(&large, nullptr));
  EXPECT_ERRNO(EINVAL, nanosleep(&negative, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_nanosleep, wild(), nullptr));
  const timespec none{0, 0};
  EXPECT_ERRNO(EINVAL, syscall(SYS_clock_nanosleep, 999, 0, &none, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, wild(), nullptr));
}

TEST(Sleep, ManySleepersWakeInTheOrderOfTheirTimes) {
  constexpr int count = 20;
  std::atomic<int> early{0};
  std::vector<std::thread> threads;
  const long start = now(CLOCK_MONOTONIC) + 20'000'000;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      const long until = start + (count - i) * 1'000'000L;
      const timespec moment = time_of(until);
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
      if (now(CLOCK_MONOTONIC) < until) ++early;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(early, 0);
}

TEST(Processors, AffinityAndGetcpu) {
  cpu_set_t set;
  ASSERT_OK(sched_getaffinity(0, sizeof set, &set));
  EXPECT_GE(CPU_COUNT(&set), 1);
  for (int i = 0; i < 100; ++i) {
    unsigned cpu = ~0U, node = ~0U;
    ASSERT_OK(syscall(SYS_getcpu, &cpu, &node, nullptr));
    EXPECT_TRUE(CPU_ISSET(cpu, &set));
    EXPECT_GE(sched_getcpu(), 0);
    sched_yield();
  }
  EXPECT_OK(syscall(SYS_getcpu, nullptr, nullptr, nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getcpu, wild(), nullptr, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_sched_getaffinity, 0, 1, &set));
  EXPECT_ERRNO(ESRCH, sched_getaffinity(0x3fffffff, sizeof set, &set));
  EXPECT_GE(sysconf(_SC_NPROCESSORS_ONLN), 1);
}

TEST(Processors, PinnedThreadsStay) {
  EXPECT_CHILD({
    cpu_set_t all;
    ASSERT_OK(sched_getaffinity(0, sizeof all, &all));
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &all)) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      ASSERT_OK(sched_setaffinity(0, sizeof one, &one));
      for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(sched_getcpu(), cpu);
        sched_yield();
      }
      cpu_set_t read_back;
      ASSERT_OK(sched_getaffinity(0, sizeof read_back, &read_back));
      EXPECT_TRUE(CPU_EQUAL(&one, &read_back));
      EXPECT_CHILD({ EXPECT_EQ(sched_getcpu(), cpu); });  // inherited
    }
    cpu_set_t none;
    CPU_ZERO(&none);
    EXPECT_ERRNO(EINVAL, sched_setaffinity(0, sizeof none, &none));
  });
}

TEST(Processors, YieldLetsOthersRun) {
  std::atomic<bool> ran{false};
  std::thread other([&] { ran = true; });
  EXPECT_TRUE(wait_until([&] {
    sched_yield();
    return ran.load();
  }));
  other.join();
}

TEST(Processors, BusyThreadsDoNotStarveOthers) {
  // More spinning threads than any machine here has processors; each must get on.
  std::atomic<bool> stop{false};
  std::vector<std::atomic<long>> counts(12);
  std::vector<std::thread> threads;
  for (auto& count : counts) {
    threads.emplace_back([&] {
      while (!stop) ++count;
    });
  }
  for (auto& count : counts) EXPECT_TRUE(wait_until([&] { return count > 1000; }));
  stop = true;
  for (auto& thread : threads) thread.join();
}

TEST(Processors, SchedulingPolicies) {
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  sched_param parameters{77};
  EXPECT_OK(sched_getparam(0, &parameters));
  EXPECT_EQ(parameters.sched_priority, 0);
  EXPECT_ERRNO(EINVAL, sched_getscheduler(-1));
  EXPECT_ERRNO(ESRCH, sched_getscheduler(0x3fffffff));
  EXPECT_EQ(sched_get_priority_max(SCHED_OTHER), 0);
  EXPECT_EQ(sched_get_priority_max(SCHED_FIFO), 99);
  EXPECT_EQ(sched_get_priority_min(SCHED_FIFO), 1);
  EXPECT_ERRNO(EINVAL, sched_get_priority_min(99));
}

}  // namespace
}  // namespace cv6::guest
