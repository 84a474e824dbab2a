// Epolls that are watched: by poll, and by other epolls.

#include <poll.h>

#include <thread>

#include "support/epoll.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

short poll_once(int fd) {
  pollfd one{fd, POLLIN | POLLOUT, 0};
  EXPECT_OK(poll(&one, 1, 0));
  return one.revents;
}

TEST(EpollNesting, CanBePolled) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_EQ(poll_once(epoll), 0);
  pipe.notify();
  EXPECT_EQ(poll_once(epoll), POLLIN);
  EXPECT_EQ(poll_once(epoll), POLLIN);
  EXPECT_TRUE(pipe.wait());
  EXPECT_EQ(poll_once(epoll), 0);
}

TEST(EpollNesting, PollWaitsForIt) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  const pid_t self = gettid();
  std::thread writer([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    pipe.notify();
  });
  pollfd one{epoll, POLLIN, 0};
  EXPECT_EQ(poll(&one, 1, -1), 1);
  writer.join();
}

TEST(EpollNesting, TellsThroughAllLevels) {
  const EpollSet inner, middle, outer;
  const Pipe pipe;
  EXPECT_OK(outer.add(middle, EPOLLIN));
  EXPECT_OK(middle.add(inner, EPOLLIN));
  EXPECT_OK(inner.add(pipe.read, EPOLLIN));
  EXPECT_EQ(outer.ready(), 0u);
  const pid_t self = gettid();
  std::thread writer([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    pipe.notify();
  });
  EXPECT_EQ(outer.ready(-1), (std::uint32_t)EPOLLIN);
  writer.join();
  EXPECT_EQ(outer.ready(), (std::uint32_t)EPOLLIN);
  EXPECT_EQ(middle.ready(), (std::uint32_t)EPOLLIN);
  EXPECT_EQ(inner.ready(), (std::uint32_t)EPOLLIN);
  EXPECT_TRUE(pipe.wait());
  EXPECT_EQ(outer.ready(), 0u);
}

// An edge of a watched epoll: each time it is emptied and has something again.
TEST(EpollNesting, Edges) {
  const EpollSet inner, outer;
  const Pipe pipe;
  EXPECT_OK(inner.add(pipe.read, EPOLLIN));
  EXPECT_OK(outer.add(inner, EPOLLIN | EPOLLET));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(outer.ready(), 0u);
    pipe.notify();
    EXPECT_EQ(outer.ready(), (std::uint32_t)EPOLLIN);
    EXPECT_EQ(inner.ready(), (std::uint32_t)EPOLLIN);
    EXPECT_TRUE(pipe.wait());
  }
}

TEST(EpollNesting, CirclesAreRefused) {
  const EpollSet first, second, third;
  EXPECT_OK(first.add(second, EPOLLIN));
  EXPECT_OK(second.add(third, EPOLLIN));
  EXPECT_ERRNO(ELOOP, third.add(first, EPOLLIN));
  EXPECT_ERRNO(ELOOP, second.add(first, EPOLLIN));
  EXPECT_OK(second.remove(third));
  EXPECT_OK(third.add(first, EPOLLIN));
}

TEST(EpollNesting, Depth) {
  const EpollSet epolls[6];
  int deepest = 0;
  // From below: each watches the one before.
  for (int i = 1; i < 6 && deepest == i - 1; ++i)
    if (epolls[i].add(epolls[i - 1], EPOLLIN) == 0) deepest = i;
  EXPECT_EQ(errno, ELOOP);
  EXPECT_EQ(deepest, 4);
  // From above.
  const EpollSet others[6];
  deepest = 0;
  for (int i = 1; i < 6 && deepest == i - 1; ++i)
    if (others[i - 1].add(others[i], EPOLLIN) == 0) deepest = i;
  EXPECT_EQ(deepest, 4);
}

TEST(EpollNesting, WatchedOnesGo) {
  const EpollSet outer;
  EpollSet inner;
  const Pipe pipe;
  EXPECT_OK(inner.add(pipe.read, EPOLLIN));
  EXPECT_OK(outer.add(inner, EPOLLIN));
  pipe.notify();
  inner.close();
  EXPECT_EQ(outer.ready(), 0u);
}

TEST(EpollNesting, WatchersGo) {
  EpollSet outer;
  const EpollSet inner;
  const Pipe pipe;
  EXPECT_OK(inner.add(pipe.read, EPOLLIN));
  EXPECT_OK(outer.add(inner, EPOLLIN));
  outer.close();
  pipe.notify();
  EXPECT_EQ(inner.ready(), (std::uint32_t)EPOLLIN);
}

}  // namespace
}  // namespace cv6::guest
