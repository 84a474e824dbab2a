// timerfd.

#include <poll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <fstream>
#include <sstream>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/container.hpp"
#include "support/epoll.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

itimerspec setting(long value, long interval = 0) { return {.it_interval = time_of(interval), .it_value = time_of(value)}; }

Descriptor timer(clockid_t clock = CLOCK_MONOTONIC, int flags = 0) {
  Descriptor made(timerfd_create(clock, flags));
  EXPECT_OK(made.get());
  return made;
}
int set(int fd, const itimerspec& value, int flags = 0, itimerspec* before = nullptr) {
  return timerfd_settime(fd, flags, &value, before);
}
std::uint64_t take(int fd) {
  std::uint64_t count = 0;
  EXPECT_EQ(read(fd, &count, sizeof count), (ssize_t)sizeof count);
  return count;
}
short poll_once(int fd, int milliseconds) {
  pollfd one{fd, POLLIN | POLLOUT, 0};
  EXPECT_OK(poll(&one, 1, milliseconds));
  return one.revents;
}

TEST(TimerFd, Create) {
  EXPECT_ERRNO(EINVAL, timerfd_create(CLOCK_MONOTONIC, 1));
  for (const clockid_t clock : {CLOCK_PROCESS_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_TAI, 99, -1})
    EXPECT_ERRNO(EINVAL, timerfd_create(clock, 0));
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM})
    EXPECT_OK(timer(clock).get());
  EXPECT_EQ(fcntl(timer(CLOCK_MONOTONIC, TFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(timer(CLOCK_MONOTONIC, TFD_NONBLOCK), F_GETFL), O_RDWR | O_NONBLOCK);
}

TEST(TimerFd, Errors) {
  const Descriptor fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
  const Pipe pipe;
  itimerspec value = setting(second);
  EXPECT_ERRNO(EBADF, set(-1, value));
  EXPECT_ERRNO(EINVAL, set(pipe.read, value));
  EXPECT_ERRNO(EINVAL, set(fd, value, 4));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timerfd_settime, fd.get(), 0, wild(), nullptr));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timerfd_settime, fd.get(), 0, nullptr, nullptr));
  value.it_value.tv_nsec = second;
  EXPECT_ERRNO(EINVAL, set(fd, value));
  value = setting(second);
  value.it_interval.tv_sec = -1;
  EXPECT_ERRNO(EINVAL, set(fd, value));
  EXPECT_ERRNO(EBADF, timerfd_gettime(-1, &value));
  EXPECT_ERRNO(EINVAL, timerfd_gettime(pipe.read, &value));
  EXPECT_ERRNO(EFAULT, syscall(SYS_timerfd_gettime, fd.get(), wild()));
  std::uint64_t count;
  EXPECT_ERRNO(EAGAIN, read(fd, &count, sizeof count));
  EXPECT_ERRNO(EINVAL, read(fd, &count, 7));
  EXPECT_ERRNO(EINVAL, write(fd, &count, 8));
}

TEST(TimerFd, Once) {
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME}) {
    const Descriptor fd = timer(clock);
    EXPECT_EQ(poll_once(fd, 0), 0);
    const long start = now(CLOCK_MONOTONIC);
    EXPECT_OK(set(fd, setting(5'000'000)));
    EXPECT_EQ(take(fd), 1u);
    EXPECT_GE(now(CLOCK_MONOTONIC) - start, 5'000'000);
    EXPECT_EQ(poll_once(fd, 0), 0);
    itimerspec left;
    EXPECT_OK(timerfd_gettime(fd, &left));
    EXPECT_EQ(nanoseconds(left.it_value), 0);
  }
}

TEST(TimerFd, AtAMoment) {
  for (const clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
    const Descriptor fd = timer(clock);
    const long moment = now(clock) + 5'000'000;
    EXPECT_OK(set(fd, setting(moment), TFD_TIMER_ABSTIME));
    EXPECT_EQ(take(fd), 1u);
    EXPECT_GE(now(clock), moment);
    EXPECT_OK(set(fd, setting(1), TFD_TIMER_ABSTIME));  // long ago
    EXPECT_EQ(take(fd), 1u);
  }
}

TEST(TimerFd, Periodic) {
  const Descriptor fd = timer();
  const long start = now(CLOCK_MONOTONIC), period = 1'000'000;
  EXPECT_OK(set(fd, setting(period, period)));
  std::uint64_t count = 0;
  while (count < 10) count += take(fd);
  EXPECT_GE(now(CLOCK_MONOTONIC) - start, static_cast<long>(count) * period);
  // All that has gone by is counted.
  const long before = now(CLOCK_MONOTONIC);
  EXPECT_EQ(poll_once(timer(), 20), 0);
  const long waited = now(CLOCK_MONOTONIC) - before;
  EXPECT_GE(static_cast<long>(take(fd)), waited / period - 1);
}

TEST(TimerFd, PastPeriodsAreCounted) {
  const Descriptor fd = timer(CLOCK_REALTIME);
  EXPECT_OK(set(fd, setting(now(CLOCK_REALTIME) - 100 * second, second), TFD_TIMER_ABSTIME));
  EXPECT_GE(take(fd), 101u);
}

TEST(TimerFd, SettingTellsWhatWas) {
  const Descriptor fd = timer();
  itimerspec before;
  EXPECT_OK(set(fd, setting(1000 * second, 7 * second), 0, &before));
  EXPECT_EQ(nanoseconds(before.it_value), 0);
  EXPECT_EQ(nanoseconds(before.it_interval), 0);
  itimerspec left;
  EXPECT_OK(timerfd_gettime(fd, &left));
  EXPECT_LE(nanoseconds(left.it_value), 1000 * second);
  EXPECT_GT(nanoseconds(left.it_value), 900 * second);
  EXPECT_EQ(nanoseconds(left.it_interval), 7 * second);
  EXPECT_OK(set(fd, setting(0), 0, &before));
  EXPECT_GT(nanoseconds(before.it_value), 900 * second);
  EXPECT_OK(timerfd_gettime(fd, &left));
  EXPECT_EQ(nanoseconds(left.it_value), 0);
}

TEST(TimerFd, SettingForgetsExpirations) {
  const Descriptor fd = timer(CLOCK_MONOTONIC, TFD_NONBLOCK);
  EXPECT_OK(set(fd, setting(1)));
  EXPECT_EQ(poll_once(fd, -1), POLLIN);
  EXPECT_OK(set(fd, setting(1000 * second)));
  EXPECT_EQ(poll_once(fd, 0), 0);
  std::uint64_t count;
  EXPECT_ERRNO(EAGAIN, read(fd, &count, sizeof count));
}

TEST(TimerFd, WhatIsFarAway) {
  const Descriptor fd = timer(CLOCK_REALTIME, TFD_NONBLOCK);
  itimerspec far{};
  far.it_value.tv_sec = INT64_MAX;
  far.it_interval.tv_sec = INT64_MAX;
  for (const int flags : {0, int{TFD_TIMER_ABSTIME}}) {
    EXPECT_OK(set(fd, far, flags));
    EXPECT_EQ(poll_once(fd, 2), 0);
  }
}

TEST(TimerFd, IsWatched) {
  const EpollSet epoll;
  const Descriptor fd = timer();
  EXPECT_OK(epoll.add(fd, EPOLLIN | EPOLLET));
  EXPECT_OK(set(fd, setting(2'000'000, 2'000'000)));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(epoll.ready(-1), (std::uint32_t)EPOLLIN);
    EXPECT_GE(take(fd), 1u);
  }
}

TEST(TimerFd, ProcShowsIt) {
  const Descriptor fd = timer(CLOCK_BOOTTIME);
  EXPECT_OK(set(fd, setting(1000 * second, 5 * second + 3)));
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd.get()));
  std::stringstream text;
  text << info.rdbuf();
  EXPECT_NE(text.str().find("clockid: 7\nticks: 0\nsettime flags: 00\nit_value: (999, "), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("it_interval: (5, 3)\n"), std::string::npos) << text.str();
}

// Nobody sets the clock of the machine that a Linux runs on: these are for cv6 alone.
class TimerFdClock : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    offset_ = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
  }
  void TearDown() override {
    if (offset_) set_clock(now(CLOCK_MONOTONIC) + offset_);
  }
  static void set_clock(long time) {
    const timespec value = time_of(time);
    EXPECT_OK(clock_settime(CLOCK_REALTIME, &value));
  }

 private:
  long offset_ = 0;
};

TEST_F(TimerFdClock, MomentsMoveWithTheClock) {
  const Descriptor moment = timer(CLOCK_REALTIME), length = timer(CLOCK_REALTIME);
  EXPECT_OK(set(moment, setting(now(CLOCK_REALTIME) + 1000 * second), TFD_TIMER_ABSTIME));
  EXPECT_OK(set(length, setting(1000 * second)));
  EXPECT_EQ(poll_once(moment, 0), 0);
  set_clock(now(CLOCK_REALTIME) + 2000 * second);
  EXPECT_EQ(take(moment), 1u);
  EXPECT_EQ(poll_once(length, 0), 0);
}

TEST_F(TimerFdClock, SettingCancels) {
  const Descriptor fd = timer(CLOCK_REALTIME), other = timer(CLOCK_REALTIME, TFD_NONBLOCK);
  const itimerspec far = setting(now(CLOCK_REALTIME) + 1000 * second);
  constexpr int wants = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  EXPECT_OK(set(fd, far, wants));
  EXPECT_OK(set(other, far, TFD_TIMER_ABSTIME));
  set_clock(now(CLOCK_REALTIME));
  EXPECT_EQ(poll_once(fd, 0), POLLIN);
  EXPECT_EQ(poll_once(other, 0), 0);
  std::uint64_t count;
  EXPECT_ERRNO(ECANCELED, read(fd, &count, sizeof count));
  EXPECT_EQ(poll_once(fd, 0), 0);
  set_clock(now(CLOCK_REALTIME));
  EXPECT_ERRNO(ECANCELED, set(fd, far, wants));
  EXPECT_OK(set(fd, far, wants));
}

TEST_F(TimerFdClock, WakesWhoReads) {
  const Descriptor fd = timer(CLOCK_REALTIME);
  EXPECT_OK(set(fd, setting(now(CLOCK_REALTIME) + 1000 * second), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET));
  const pid_t child = spawn_checked([&] {
    std::uint64_t count;
    EXPECT_ERRNO(ECANCELED, read(fd, &count, sizeof count));
  });
  EXPECT_TRUE(wait_until_blocked(child));
  set_clock(now(CLOCK_REALTIME));
  EXPECT_TRUE(reap(child).exited(0));
}

}  // namespace
}  // namespace cv6::guest
