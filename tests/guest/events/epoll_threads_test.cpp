// Epolls under many hands: nothing is lost, and nobody is woken for nothing.

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "support/child.hpp"
#include "support/epoll.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// Threads that wait for one epoll and count what each was told.
class Waiters {
 public:
  Waiters(const EpollSet& epoll, int count) {
    for (int i = 0; i < count; ++i)
      threads_.emplace_back([this, &epoll, i] {
        ids_[i] = gettid();
        epoll_event event;
        while (epoll_wait(epoll, &event, 1, -1) == 1 && event.data.u64 != end) told_.fetch_add(1);
      });
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(wait_until([&] { return ids_[i] != 0; }));
      EXPECT_TRUE(wait_until_blocked(ids_[i]));
    }
  }
  void join() {
    for (auto& thread : threads_) thread.join();
  }
  int told() const { return told_; }
  static constexpr std::uint64_t end = ~0ull;

 private:
  std::atomic<int> told_{0};
  std::atomic<pid_t> ids_[16] = {};
  std::vector<std::thread> threads_;
};

TEST(EpollThreads, AnEdgeWakesOne) {
  const EpollSet epoll;
  const Pipe pipe;
  const Descriptor end(eventfd(1, 0));
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLET));
  Waiters waiters(epoll, 4);
  for (int i = 1; i <= 20; ++i) {
    pipe.notify();
    EXPECT_TRUE(wait_until([&] { return waiters.told() == i; }));
  }
  EXPECT_OK(epoll.add(end, EPOLLIN, Waiters::end));  // level triggered: all are told
  waiters.join();
  EXPECT_EQ(waiters.told(), 20);
}

// Each of many counters is told exactly once by its one-shot, whoever takes it, and armed again.
TEST(EpollThreads, OneShotsAreNeitherLostNorDoubled) {
  const EpollSet epoll;
  constexpr int counters = 8, threads = 4, rounds = 400;
  std::vector<Descriptor> events;
  std::vector<std::atomic<int>> holders(counters);
  for (int i = 0; i < counters; ++i) {
    events.emplace_back(eventfd(0, EFD_NONBLOCK));
    EXPECT_OK(epoll.add(events[i], EPOLLIN | EPOLLONESHOT, i));
  }
  std::atomic<std::uint64_t> taken{0};
  constexpr std::uint64_t all = std::uint64_t{counters} * rounds;
  std::vector<std::thread> takers;
  for (int i = 0; i < threads; ++i)
    takers.emplace_back([&] {
      epoll_event event;
      while (taken < all) {
        if (epoll_wait(epoll, &event, 1, 50) != 1) continue;
        const auto which = event.data.u64;
        EXPECT_EQ(holders[which].fetch_add(1), 0);
        std::uint64_t count = 0;
        EXPECT_EQ(read(events[which], &count, sizeof count), 8);
        taken += count;
        holders[which].fetch_sub(1);
        EXPECT_OK(epoll.control(EPOLL_CTL_MOD, events[which], EPOLLIN | EPOLLONESHOT, which));
      }
    });
  std::thread giver([&] {
    const std::uint64_t one = 1;
    for (int round = 0; round < rounds; ++round)
      for (const Descriptor& event : events) EXPECT_EQ(write(event, &one, sizeof one), 8);
  });
  giver.join();
  for (auto& taker : takers) taker.join();
  EXPECT_EQ(taken, all);
}

// Edges of many writers: who reads until there is nothing more misses nothing.
TEST(EpollThreads, EdgesWithConcurrentWriters) {
  const EpollSet epoll;
  constexpr int writers = 4, each = 500;
  const Pipe pipe(O_NONBLOCK);
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLET));
  std::vector<std::thread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < each; ++n) pipe.notify();
    });
  int total = 0;
  while (total < writers * each) {
    if (epoll.wait(10'000).empty()) break;
    char block[64];
    for (ssize_t count; (count = read(pipe.read, block, sizeof block)) > 0;) total += static_cast<int>(count);
  }
  EXPECT_EQ(total, writers * each);
  for (auto& thread : threads) thread.join();
}

// News through an epoll that several watch, each by other means: whoever writes goes on when all of it has been heard, so
// nothing that comes later makes up for news that is lost.
TEST(EpollThreads, NestedOnesAreToldEachTime) {
  const EpollSet inner, levels, edges;
  constexpr int writers = 3, rounds = 1000;
  const Descriptor events[] = {Descriptor(eventfd(0, EFD_NONBLOCK)), Descriptor(eventfd(0, EFD_NONBLOCK)),
                               Descriptor(eventfd(0, EFD_NONBLOCK))};
  for (const Descriptor& event : events) EXPECT_OK(inner.add(event, EPOLLIN));
  EXPECT_OK(levels.add(inner, EPOLLIN));
  EXPECT_OK(edges.add(inner, EPOLLIN | EPOLLET));
  std::atomic<int> taken[writers] = {};
  std::atomic<bool> lost{false};
  const auto all_taken = [&] { return std::ranges::all_of(taken, [](int count) { return count == rounds; }); };
  const auto take = [&] {
    for (int i = 0; i < writers; ++i)
      if (std::uint64_t count; read(events[i], &count, sizeof count) == 8) taken[i] += static_cast<int>(count);
  };
  const int limit = limit_seconds() * 1000;
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    while (!all_taken() && !lost) {
      if (levels.wait(limit).empty() && !all_taken()) lost = true;
      take();
    }
  });
  threads.emplace_back([&] {  // only looks, so that somebody always has
    while (!all_taken() && !lost) {
      pollfd one{inner, POLLIN, 0};
      poll(&one, 1, 1);
      edges.wait();
    }
  });
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&, i] {
      const std::uint64_t one = 1;
      for (int round = 1; round <= rounds && !lost; ++round) {
        EXPECT_EQ(write(events[i], &one, sizeof one), 8);
        while (taken[i] < round && !lost) std::this_thread::yield();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(lost);
}

// Files come and go, are watched and forgotten, while others wait: at the end there is nothing.
TEST(EpollThreads, FilesGoWhileTheyAreWatched) {
  const EpollSet epoll;
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      epoll_event events[4];
      while (!over) epoll_wait(epoll, events, 4, 1);
    });
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const Descriptor event(eventfd(1, EFD_NONBLOCK));
        EXPECT_OK(epoll.add(event, EPOLLIN));
        if (round % 2) EXPECT_OK(epoll.remove(event));
      }
    });
  for (int i = 2; i < 4; ++i) threads[i].join();
  over = true;
  for (int i = 0; i < 2; ++i) threads[i].join();
  EXPECT_TRUE(epoll.wait().empty());
}

// Both ends of a watch go at once.
TEST(EpollThreads, EpollsAndFilesGoTogether) {
  for (int round = 0; round < 200; ++round) {
    std::vector<Descriptor> files, epolls;
    for (int i = 0; i < 4; ++i) {
      files.emplace_back(eventfd(1, 0));
      epolls.emplace_back(epoll_create1(0));
    }
    epoll_event event{.events = EPOLLIN, .data = {}};
    for (const Descriptor& epoll : epolls)
      for (const Descriptor& file : files) EXPECT_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event));
    std::thread closer([&] { files.clear(); });
    epolls.clear();
    closer.join();
  }
}

// Circles are refused even if both halves are added at once.
TEST(EpollThreads, NestingRaces) {
  for (int round = 0; round < 100; ++round) {
    const EpollSet first, second;
    std::atomic<int> added{0};
    std::thread other([&] { added += first.add(second, EPOLLIN) == 0; });
    added += second.add(first, EPOLLIN) == 0;
    other.join();
    EXPECT_EQ(added, 1);
  }
}

}  // namespace
}  // namespace cv6::guest
