// poll, ppoll, select and pselect.

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

short poll_once(int fd, short events) {
  pollfd one{fd, events, 0};
  const int ready = poll(&one, 1, 0);
  EXPECT_EQ(ready, one.revents != 0);
  return one.revents;
}

TEST(Poll, PipeStates) {
  Pipe pipe;
  EXPECT_EQ(poll_once(pipe.read, POLLIN), 0);
  EXPECT_EQ(poll_once(pipe.write, POLLOUT), POLLOUT);
  write(pipe.write, "x", 1);
  EXPECT_EQ(poll_once(pipe.read, POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
  EXPECT_EQ(poll_once(pipe.read, 0), 0);
  pipe.write.close();
  EXPECT_EQ(poll_once(pipe.read, POLLIN), POLLIN | POLLHUP);
  char byte;
  read(pipe.read, &byte, 1);
  EXPECT_EQ(poll_once(pipe.read, POLLIN), POLLHUP);
  EXPECT_EQ(poll_once(pipe.read, 0), POLLHUP);  // reported even when nobody asked
}

TEST(Poll, BrokenPipe) {
  Pipe pipe;
  pipe.read.close();
  EXPECT_EQ(poll_once(pipe.write, POLLOUT), POLLOUT | POLLERR);
}

TEST(Poll, FullPipe) {
  Pipe pipe(O_NONBLOCK);
  char block[4096] = {};
  while (write(pipe.write, block, sizeof block) > 0) continue;
  EXPECT_EQ(poll_once(pipe.write, POLLOUT), 0);
  EXPECT_EQ(read(pipe.read, block, sizeof block), (ssize_t)sizeof block);
  EXPECT_EQ(poll_once(pipe.write, POLLOUT), POLLOUT);
}

TEST(Poll, FilesAreAlwaysReady) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  Descriptor file = open_file("/proc/self/exe", O_RDONLY);
  EXPECT_EQ(poll_once(null, POLLIN | POLLOUT), POLLIN | POLLOUT);
  EXPECT_EQ(poll_once(file, POLLIN), POLLIN);
}

TEST(Poll, BadAndNegativeDescriptors) {
  pollfd three[3] = {{-1, POLLIN, 77}, {999, POLLIN, 0}, {-5, POLLIN, 77}};
  EXPECT_EQ(poll(three, 3, 0), 1);
  EXPECT_EQ(three[0].revents, 0);
  EXPECT_EQ(three[1].revents, POLLNVAL);
  EXPECT_EQ(three[2].revents, 0);
}

TEST(Poll, TimeoutsAreAtLeastThatLong) {
  Pipe pipe;
  pollfd one{pipe.read, POLLIN, 0};
  const long start = now();
  EXPECT_EQ(poll(&one, 1, 30), 0);
  EXPECT_GE(now() - start, 30'000'000);
  EXPECT_EQ(poll(nullptr, 0, 1), 0);
}

TEST(Poll, WakesWhenSomethingHappens) {
  Pipe first;
  Pipe second;
  const pid_t pid = spawn_checked([&] {
    pollfd both[2] = {{first.read, POLLIN, 0}, {second.read, POLLIN, 0}};
    EXPECT_EQ(poll(both, 2, -1), 1);
    EXPECT_EQ(both[0].revents, 0);
    EXPECT_EQ(both[1].revents, POLLIN);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  second.notify();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Poll, WakesOnHangup) {
  Pipe pipe;
  const pid_t pid = spawn_checked([&] {
    pipe.write.close();
    pollfd one{pipe.read, POLLIN, 0};
    EXPECT_EQ(poll(&one, 1, -1), 1);
    EXPECT_EQ(one.revents, POLLHUP);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  pipe.write.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Poll, ManyDescriptors) {
  std::vector<Pipe> pipes;
  std::vector<pollfd> polled;
  for (int i = 0; i < 200; ++i) {
    pipes.emplace_back();
    polled.push_back({pipes.back().read, POLLIN, 0});
  }
  pipes[7].notify();
  pipes[163].notify();
  EXPECT_EQ(poll(polled.data(), polled.size(), -1), 2);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(polled[i].revents, i == 7 || i == 163 ? POLLIN : 0);
}

// So many that they are asked in parts: looked at only, and waited for.
TEST(Poll, VeryManyEntries) {
  constexpr int count = 10'000, first = 1023, second = 9'999;
  EXPECT_CHILD({
    rlimit limit;
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = count;
    limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return;  // not for everybody
    const Pipe silent;
    const Pipe loud;
    std::vector<pollfd> polled(count, {silent.read, POLLIN, 77});
    polled[first].fd = loud.read;
    polled[second].fd = loud.read;
    EXPECT_EQ(poll(polled.data(), polled.size(), 0), 0);
    const pid_t self = getpid();
    const pid_t notifier = spawn_checked([&] {
      EXPECT_TRUE(wait_until_blocked(self));
      loud.notify();
    });
    EXPECT_EQ(poll(polled.data(), polled.size(), -1), 2);
    for (int i = 0; i < count; ++i) ASSERT_EQ(polled[i].revents, i == first || i == second ? POLLIN : 0) << i;
    EXPECT_EQ(poll(polled.data(), polled.size(), 0), 2);
    EXPECT_TRUE(reap(notifier).exited(0));
  });
}

TEST(Poll, WritesTheEventsOfEachEntry) {
  Pipe pipe;
  pipe.notify();
  Mapping pages(2 * page_size);
  auto* list = pages.as<pollfd>(page_size - 3 * sizeof(pollfd));
  std::fill_n(list, 6, pollfd{pipe.read, POLLIN, 77});
  EXPECT_CHILD({  // shares the pages until they are written to
    EXPECT_EQ(poll(list, 6, 0), 6);
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(list[i].fd, pipe.read);
      EXPECT_EQ(list[i].events, POLLIN);
      EXPECT_EQ(list[i].revents, POLLIN);
    }
  });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(list[i].revents, 77);
  ASSERT_OK(mprotect(pages.page(1), page_size, PROT_READ));
  EXPECT_ERRNO(EFAULT, poll(list, 6, 0));
}

TEST(Poll, Errors) {
  EXPECT_ERRNO(EFAULT, syscall(SYS_poll, wild(), 1, 0));
  EXPECT_CHILD({
    const rlimit limit{20, 20};
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    pollfd many[21] = {};
    EXPECT_ERRNO(EINVAL, poll(many, 21, 0));
  });
  pollfd one{-1, 0, 0};
  const timespec wrong{0, -1};
  EXPECT_ERRNO(EINVAL, ppoll(&one, 1, &wrong, nullptr));
}

volatile sig_atomic_t calls;

TEST(Ppoll, MaskIsSwappedForTheCall) {
  calls = 0;
  Handler handler(SIGUSR1, [](int) { calls = calls + 1; });
  Blocked blocked{SIGUSR1};
  raise(SIGUSR1);
  EXPECT_EQ(calls, 0);
  const sigset_t none = signal_set({});
  EXPECT_ERRNO(EINTR, ppoll(nullptr, 0, nullptr, &none));
  EXPECT_EQ(calls, 1);
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_TRUE(sigismember(&now, SIGUSR1));
}

TEST(Ppoll, RawCallWritesTheTimeLeft) {
  timespec limit{100, 0};
  Pipe pipe;
  pipe.notify();
  pollfd one{pipe.read, POLLIN, 0};
  EXPECT_EQ(syscall(SYS_ppoll, &one, 1, &limit, nullptr, 8), 1);
  EXPECT_LE(limit.tv_sec, 100);
  EXPECT_EQ(one.revents, POLLIN);
}

// Nothing is behind the last member that is written.
TEST(Poll, AtTheEndOfTheAddresses) {
  constexpr std::uintptr_t last_page = 0x7fff'ffff'e000;
  const Mapping end(page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0,
                    reinterpret_cast<void*>(last_page));
  ASSERT_TRUE(end.ok());
  const Pipe pipe;
  pipe.notify();
  auto* const list = reinterpret_cast<pollfd*>(last_page + page_size) - 2;
  list[0] = {pipe.read, POLLIN, 0};
  list[1] = {pipe.write, POLLOUT, 0};
  EXPECT_EQ(poll(list, 2, 0), 2);
  EXPECT_EQ(list[0].revents, POLLIN);
  EXPECT_EQ(list[1].revents, POLLOUT);
}

TEST(Select, ReadAndWriteSets) {
  Pipe pipe;
  fd_set readable, writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(pipe.read, &readable);
  FD_SET(pipe.write, &writable);
  timeval none{0, 0};
  EXPECT_EQ(select(pipe.write + 1, &readable, &writable, nullptr, &none), 1);
  EXPECT_FALSE(FD_ISSET(pipe.read, &readable));
  EXPECT_TRUE(FD_ISSET(pipe.write, &writable));
  pipe.notify();
  FD_SET(pipe.read, &readable);
  EXPECT_EQ(select(pipe.write + 1, &readable, &writable, nullptr, &none), 2);
  EXPECT_TRUE(FD_ISSET(pipe.read, &readable));
}

TEST(Select, EndOfFileIsReadable) {
  Pipe pipe;
  pipe.write.close();
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(pipe.read, &readable);
  EXPECT_EQ(select(pipe.read + 1, &readable, nullptr, nullptr, nullptr), 1);
}

TEST(Select, TimeoutAndWhatIsLeft) {
  Pipe pipe;
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(pipe.read, &readable);
  timeval limit{0, 20'000};
  const long start = now();
  EXPECT_EQ(select(pipe.read + 1, &readable, nullptr, nullptr, &limit), 0);
  EXPECT_GE(now() - start, 20'000'000);
  EXPECT_FALSE(FD_ISSET(pipe.read, &readable));
  EXPECT_EQ(limit.tv_sec + limit.tv_usec, 0);  // Linux writes back what is left
}

TEST(Select, Errors) {
  fd_set set;
  FD_ZERO(&set);
  const int closed = dup(0);
  close(closed);
  FD_SET(closed, &set);
  timeval none{0, 0};
  EXPECT_ERRNO(EBADF, select(closed + 1, &set, nullptr, nullptr, &none));
  EXPECT_ERRNO(EINVAL, select(-1, nullptr, nullptr, nullptr, &none));
  timeval wrong{-1, 0};
  EXPECT_ERRNO(EINVAL, select(0, nullptr, nullptr, nullptr, &wrong));
  EXPECT_ERRNO(EFAULT, syscall(SYS_select, 10, wild(), nullptr, nullptr, &none));
}

TEST(Pselect, MaskIsSwappedForTheCall) {
  calls = 0;
  Handler handler(SIGUSR1, [](int) { calls = calls + 1; });
  Blocked blocked{SIGUSR1};
  raise(SIGUSR1);
  const sigset_t none = signal_set({});
  EXPECT_ERRNO(EINTR, pselect(0, nullptr, nullptr, nullptr, nullptr, &none));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace cv6::guest
