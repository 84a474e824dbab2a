// Epolls and their kin inside containers: who waits when it is destroyed, who pays.

#include <sys/eventfd.h>

#include <memory>
#include <vector>

#include "support/container.hpp"
#include "support/epoll.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerEpoll : public Containers {};

TEST_F(ContainerEpoll, DestroyWhileSomebodyWaits) {
  Box box;
  const Pipe started;
  const pid_t child = box.start([&] {
    const EpollSet epoll, outer;
    const Descriptor event(eventfd(0, 0));
    EXPECT_OK(epoll.add(event, EPOLLIN));
    EXPECT_OK(outer.add(epoll, EPOLLIN));
    started.notify();
    outer.wait(-1);
  });
  EXPECT_TRUE(started.wait());
  EXPECT_TRUE(wait_until_blocked(child));
  box.destroy();
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
}

// They go some at a time.
TEST_F(ContainerEpoll, ManyEntriesGoWithTheEpollOrTheFile) {
  constexpr int count = 600;
  const long before = count_objects()["epoll_entry"];
  for (const bool file_first : {false, true}) {
    auto epoll = std::make_unique<EpollSet>();
    std::vector<Descriptor> numbers;
    numbers.emplace_back(eventfd(0, 0));
    while (numbers.size() <= count) {
      ASSERT_OK(epoll->add(numbers.back(), EPOLLIN));
      numbers.emplace_back(fcntl(numbers[0], F_DUPFD_CLOEXEC, 0));
      ASSERT_OK(numbers.back().get());
    }
    EXPECT_EQ(count_objects()["epoll_entry"], before + count);
    if (file_first)
      numbers.clear();
    else
      epoll.reset();
    EXPECT_EQ(count_objects()["epoll_entry"], before);
  }
}

// Entries and counters are charged: who makes too many is told so.
TEST_F(ContainerEpoll, EntriesArePaidFor) {
  Box box;
  box.set_limit(ContainerLimit::Kind::memory, 3 << 20);
  EXPECT_INSIDE(box, {
    const EpollSet epoll;
    const Descriptor event(eventfd(0, 0));
    int added = 0;
    std::vector<int> numbers;
    while (added < 100'000) {
      const int number = fcntl(event, F_DUPFD, 0);
      if (number < 0) break;
      numbers.push_back(number);
      if (epoll.add(number, EPOLLIN) != 0) break;
      ++added;
    }
    EXPECT_TRUE(errno == ENOMEM || errno == EMFILE) << errno;
    EXPECT_GT(added, 100);
    for (const int number : numbers) close(number);
  });
}

}  // namespace
}  // namespace cv6::guest
