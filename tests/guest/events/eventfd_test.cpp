// eventfd.

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::uint64_t most = UINT64_MAX - 1;

Descriptor event(unsigned value, int flags = EFD_NONBLOCK) {
  Descriptor made(eventfd(value, flags));
  EXPECT_OK(made.get());
  return made;
}
ssize_t add(int fd, std::uint64_t count) { return write(fd, &count, sizeof count); }
std::uint64_t take(int fd) {
  std::uint64_t count = 0;
  EXPECT_EQ(read(fd, &count, sizeof count), (ssize_t)sizeof count);
  return count;
}
short poll_once(int fd) {
  pollfd one{fd, POLLIN | POLLOUT, 0};
  EXPECT_OK(poll(&one, 1, 0));
  return one.revents;
}

TEST(EventFd, Counts) {
  const Descriptor fd = event(3);
  EXPECT_EQ(add(fd, 4), 8);
  EXPECT_EQ(take(fd), 7u);
  std::uint64_t count;
  EXPECT_ERRNO(EAGAIN, read(fd, &count, sizeof count));
}

TEST(EventFd, Semaphore) {
  const Descriptor fd = event(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  EXPECT_EQ(take(fd), 1u);
  EXPECT_EQ(take(fd), 1u);
  std::uint64_t count;
  EXPECT_ERRNO(EAGAIN, read(fd, &count, sizeof count));
}

TEST(EventFd, Flags) {
  EXPECT_ERRNO(EINVAL, eventfd(0, 2));
  EXPECT_ERRNO(EINVAL, eventfd(0, O_APPEND));
  EXPECT_EQ(fcntl(event(0, EFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(event(0, EFD_NONBLOCK), F_GETFL), O_RDWR | O_NONBLOCK);
  const Descriptor old(static_cast<int>(syscall(SYS_eventfd, 5)));
  EXPECT_EQ(take(old), 5u);
}

TEST(EventFd, Sizes) {
  const Descriptor fd = event(1);
  std::uint64_t two[2] = {1, 1};
  EXPECT_ERRNO(EINVAL, read(fd, two, 7));
  EXPECT_ERRNO(EINVAL, write(fd, two, 7));
  EXPECT_ERRNO(EINVAL, write(fd, two, 0));
  EXPECT_EQ(read(fd, two, 16), 8);
  EXPECT_ERRNO(EFAULT, write(fd, wild(), 8));
  EXPECT_ERRNO(ESPIPE, pread(fd, two, 8, 0));
}

TEST(EventFd, Overflow) {
  const Descriptor fd = event(0);
  EXPECT_ERRNO(EINVAL, add(fd, UINT64_MAX));
  EXPECT_EQ(poll_once(fd), POLLOUT);
  EXPECT_EQ(add(fd, most - 1), 8);
  EXPECT_EQ(poll_once(fd), POLLIN | POLLOUT);
  EXPECT_ERRNO(EAGAIN, add(fd, 2));
  EXPECT_EQ(add(fd, 1), 8);
  EXPECT_EQ(poll_once(fd), POLLIN);
  EXPECT_ERRNO(EAGAIN, add(fd, 1));
  EXPECT_EQ(add(fd, 0), 8);
  EXPECT_EQ(take(fd), most);
}

TEST(EventFd, ReadersWait) {
  const Descriptor fd = event(0, 0);
  const pid_t self = gettid();
  std::thread writer([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    EXPECT_EQ(add(fd, 9), 8);
  });
  EXPECT_EQ(take(fd), 9u);
  writer.join();
}

TEST(EventFd, WritersWait) {
  const Descriptor fd = event(0, 0);
  EXPECT_EQ(add(fd, most), 8);
  const pid_t self = gettid();
  std::thread reader([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    EXPECT_EQ(take(fd), most);
  });
  EXPECT_EQ(add(fd, 5), 8);
  reader.join();
  EXPECT_EQ(take(fd), 5u);
}

void nothing(int) {}

TEST(EventFd, IsInterrupted) {
  const Descriptor fd = event(0, 0);
  EXPECT_CHILD({
    const Handler handler(SIGALRM, nothing);
    ualarm(1000, 1000);
    std::uint64_t count;
    EXPECT_ERRNO(EINTR, read(fd, &count, sizeof count));
    ualarm(0, 0);  // before the handler goes
  });
}

// Nothing is lost and nothing is counted twice.
TEST(EventFd, ManyThreads) {
  const Descriptor fd = event(0, 0);
  constexpr int threads = 4, rounds = 500;
  std::vector<std::thread> writers;
  for (int i = 0; i < threads; ++i)
    writers.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) EXPECT_EQ(add(fd, 1), 8);
    });
  std::uint64_t total = 0;
  while (total < threads * rounds) total += take(fd);
  EXPECT_EQ(total, (std::uint64_t)threads * rounds);
  for (auto& writer : writers) writer.join();
}

TEST(EventFd, ProcShowsTheCount) {
  const Descriptor fd = event(0x1f);
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd.get()));
  std::stringstream text;
  text << info.rdbuf();
  EXPECT_NE(text.str().find("eventfd-count:               1f\n"), std::string::npos) << text.str();
  char link[64] = {};
  EXPECT_OK(readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), link, sizeof link - 1));
  EXPECT_STREQ(link, "anon_inode:[eventfd]");
}

}  // namespace
}  // namespace cv6::guest
