// epoll_wait: what is told, when, and how often.

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/epoll.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::uint32_t in = EPOLLIN, out = EPOLLOUT, hang_up = EPOLLHUP, error = EPOLLERR;

void drain(const Descriptor& from) {
  char block[4096];
  while (read(from, block, sizeof block) == sizeof block) continue;
}

TEST(Epoll, LevelTriggered) {
  const EpollSet epoll;
  const Pipe pipe(O_NONBLOCK);
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_EQ(epoll.ready(), 0u);
  pipe.notify();
  EXPECT_EQ(epoll.ready(), in);
  EXPECT_EQ(epoll.ready(), in);  // until it is read
  drain(pipe.read);
  EXPECT_EQ(epoll.ready(), 0u);
}

TEST(Epoll, EdgeTriggered) {
  const EpollSet epoll;
  const Pipe pipe(O_NONBLOCK);
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLET));
  pipe.notify();
  EXPECT_EQ(epoll.ready(), in);
  EXPECT_EQ(epoll.ready(), 0u);  // nothing new
  pipe.notify();
  EXPECT_EQ(epoll.ready(), in);
  drain(pipe.read);
  EXPECT_EQ(epoll.ready(), 0u);
}

TEST(Epoll, WhatIsReadyWhenItIsAddedIsTold) {
  const EpollSet epoll;
  const Pipe pipe;
  pipe.notify();
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLET));
  EXPECT_EQ(epoll.ready(), in);
  EXPECT_EQ(epoll.ready(), 0u);
  EXPECT_OK(epoll.modify(pipe.read, EPOLLIN | EPOLLET));  // and again when it is modified
  EXPECT_EQ(epoll.ready(), in);
  EXPECT_EQ(epoll.ready(), 0u);
}

TEST(Epoll, EdgesOfOtherEventsAreNotTold) {
  const EpollSet epoll;
  const Descriptor counter(eventfd(5, EFD_SEMAPHORE | EFD_NONBLOCK));
  EXPECT_OK(epoll.add(counter, EPOLLIN | EPOLLET));
  EXPECT_EQ(epoll.ready(), in);
  std::uint64_t one;
  EXPECT_EQ(read(counter, &one, sizeof one), 8);  // there is room now, which nobody wants to know
  EXPECT_EQ(epoll.ready(), 0u);
}

TEST(Epoll, OneShot) {
  const EpollSet epoll;
  Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLONESHOT));
  pipe.notify();
  EXPECT_EQ(epoll.ready(), in);
  EXPECT_EQ(epoll.ready(), 0u);
  pipe.notify();
  EXPECT_EQ(epoll.ready(), 0u);
  EXPECT_OK(epoll.modify(pipe.read, EPOLLIN | EPOLLONESHOT));
  EXPECT_EQ(epoll.ready(), in);
  pipe.write.close();
  EXPECT_EQ(epoll.ready(), 0u);  // not even this
  EXPECT_ERRNO(EEXIST, epoll.add(pipe.read, EPOLLIN));
  EXPECT_OK(epoll.modify(pipe.read, 0));
  EXPECT_EQ(epoll.ready(), hang_up);
}

TEST(Epoll, HangUpsAndErrorsAreAlwaysTold) {
  const EpollSet epoll;
  Pipe first, second;
  EXPECT_OK(epoll.add(first.read, 0));
  first.notify();
  EXPECT_EQ(epoll.ready(), 0u);
  first.write.close();
  EXPECT_EQ(epoll.ready(), hang_up);
  EXPECT_OK(epoll.modify(first.read, EPOLLIN));
  EXPECT_EQ(epoll.ready(), in | hang_up);
  EXPECT_OK(epoll.remove(first.read));
  EXPECT_OK(epoll.add(second.write, EPOLLOUT | EPOLLET));
  EXPECT_EQ(epoll.ready(), out);
  second.read.close();
  EXPECT_EQ(epoll.ready(), out | error);
}

TEST(Epoll, RoomInAPipe) {
  const EpollSet epoll;
  const Pipe pipe(O_NONBLOCK);
  char block[4096] = {};
  while (write(pipe.write, block, sizeof block) > 0) continue;
  EXPECT_OK(epoll.add(pipe.write, EPOLLOUT | EPOLLET));
  EXPECT_EQ(epoll.ready(), 0u);
  drain(pipe.read);
  EXPECT_EQ(epoll.ready(), out);
}

TEST(Epoll, DataComesBack) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN, 0xfedcba9876543210));
  pipe.notify();
  const auto events = epoll.wait();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data.u64, 0xfedcba9876543210);
}

// Whoever was told goes behind the others.
TEST(Epoll, TakesTurns) {
  const EpollSet epoll;
  const Pipe pipes[5];
  for (const Pipe& pipe : pipes) {
    EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
    pipe.notify();
  }
  for (int round = 0; round < 3; ++round) {
    std::set<int> told;
    for (int i = 0; i < 5; ++i) told.insert(epoll.wait(0, 1).at(0).data.fd);
    EXPECT_EQ(told.size(), 5u);
  }
  EXPECT_EQ(epoll.wait().size(), 5u);
}

TEST(Epoll, TellsOnlyWhatIsReady) {
  const EpollSet epoll;
  std::vector<Pipe> pipes(100);
  for (const Pipe& pipe : pipes) EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  for (const int i : {3, 50, 99}) pipes[i].notify();
  std::set<int> told;
  for (const auto& event : epoll.wait(-1)) told.insert(event.data.fd);
  EXPECT_EQ(told, (std::set<int>{pipes[3].read, pipes[50].read, pipes[99].read}));
}

// More are ready than are asked in one go: each is told once in a round, and those that fell silent are not.
TEST(Epoll, VeryMany) {
  constexpr int count = 5'000;
  EXPECT_CHILD({
    rlimit limit;
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = count + 100;
    limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return;  // not for everybody
    const EpollSet outer, epoll;
    std::vector<Descriptor> events;
    EXPECT_OK(outer.add(epoll, in));
    for (int i = 0; i < count; ++i) {
      events.emplace_back(eventfd(1, EFD_NONBLOCK));
      ASSERT_OK(epoll.add(events.back(), in));
    }
    for (int round = 0; round < 3; ++round) {
      std::set<int> told;
      for (const auto& one : epoll.wait(0, 2 * count)) told.insert(one.data.fd);
      EXPECT_EQ(told.size(), std::size_t{count});
    }
    EXPECT_EQ(outer.wait().size(), 1u);
    std::uint64_t value;
    for (const Descriptor& event : events) ASSERT_EQ(read(event, &value, sizeof value), ssize_t{sizeof value});
    EXPECT_EQ(outer.wait().size(), 0u);
    EXPECT_EQ(epoll.wait(0, 2 * count).size(), 0u);
  });
}

// An entry is an open file under a number: it goes with the open file, not with the number.
TEST(Epoll, ClosedFilesAreForgotten) {
  const EpollSet epoll;
  Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  pipe.notify();
  pipe.read.close();
  EXPECT_EQ(epoll.ready(), 0u);
  const Pipe other;
  EXPECT_OK(epoll.add(other.read, EPOLLIN));
}

TEST(Epoll, DuplicatesKeepAnEntry) {
  const EpollSet epoll;
  Pipe pipe;
  const int number = pipe.read;
  Descriptor duplicate(dup(pipe.read));
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_OK(epoll.add(duplicate, EPOLLIN));  // under another number it is another entry
  pipe.notify();
  EXPECT_EQ(epoll.wait().size(), 2u);
  pipe.read.close();
  EXPECT_EQ(epoll.wait().size(), 2u);
  EXPECT_ERRNO(EBADF, epoll.remove(number));
  EXPECT_OK(epoll.remove(duplicate));
  const auto left = epoll.wait();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].data.fd, number);
  duplicate.close();
  EXPECT_EQ(epoll.ready(), 0u);
}

TEST(Epoll, ForkSharesIt) {
  const EpollSet epoll;
  Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_CHILD({
    EXPECT_OK(epoll.modify(pipe.read, EPOLLIN | EPOLLONESHOT));
    pipe.notify();
    EXPECT_EQ(epoll.ready(), in);
  });
  EXPECT_EQ(epoll.ready(), 0u);  // told, to the child
  // The child's descriptor keeps the file open, so the entry stays.
  const Pipe go;
  const pid_t child = spawn([&] { return go.wait() ? 0 : 1; });
  EXPECT_OK(epoll.modify(pipe.read, EPOLLIN));
  pipe.read.close();
  EXPECT_EQ(epoll.ready(), in);
  go.notify();
  EXPECT_TRUE(reap(child).exited(0));
  EXPECT_EQ(epoll.ready(), 0u);
}

TEST(Epoll, WaitsForNews) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  const pid_t self = gettid();
  std::thread writer([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    pipe.notify();
  });
  EXPECT_EQ(epoll.ready(-1), in);
  writer.join();
}

TEST(Epoll, WaitsForWhatIsAddedMeanwhile) {
  const EpollSet epoll;
  const Pipe pipe;
  pipe.notify();
  const pid_t self = gettid();
  std::thread adder([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLONESHOT));
  });
  EXPECT_EQ(epoll.ready(-1), in);
  adder.join();
  std::thread modifier([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    EXPECT_OK(epoll.modify(pipe.read, EPOLLIN));
  });
  EXPECT_EQ(epoll.ready(-1), in);
  modifier.join();
}

TEST(Epoll, TimesOut) {
  const EpollSet epoll;
  EXPECT_EQ(epoll.ready(20), 0u);
  epoll_event event;
  const timespec time{.tv_sec = 0, .tv_nsec = 1'000'000};
  EXPECT_EQ(syscall(SYS_epoll_pwait2, epoll.get(), &event, 1, &time, nullptr, 8), 0);
}

void nothing(int) {}

TEST(Epoll, IsInterruptedWhateverTheHandlerSays) {
  const Handler handler(SIGUSR1, nothing, SA_RESTART);
  const EpollSet epoll;
  const pid_t self = gettid();
  std::thread sender([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    tgkill(getpid(), self, SIGUSR1);
  });
  epoll_event event;
  EXPECT_ERRNO(EINTR, epoll_wait(epoll, &event, 1, -1));
  sender.join();
}

TEST(Epoll, MaskOfTheWait) {
  const Handler handler(SIGUSR1, nothing);
  const Blocked blocked({SIGUSR1});
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  raise(SIGUSR1);
  epoll_event event;
  sigset_t none;
  sigemptyset(&none);
  EXPECT_EQ(epoll_wait(epoll, &event, 1, 0), 0);
  EXPECT_ERRNO(EINTR, epoll_pwait(epoll, &event, 1, -1, &none));
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_TRUE(sigismember(&now, SIGUSR1));
  raise(SIGUSR1);
  pipe.notify();
  EXPECT_EQ(epoll_pwait(epoll, &event, 1, -1, &none), 1);  // what is ready comes first
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_TRUE(sigismember(&now, SIGUSR1));
}

}  // namespace
}  // namespace cv6::guest
