// The futex call itself: wait, wake, bitset, requeue, timeouts, robust lists.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using Word = std::atomic<int>;

long futex(Word* word, int operation, int value, const timespec* timeout = nullptr, Word* other = nullptr,
           int last = 0) {
  return syscall(SYS_futex, word, operation, value, timeout, other, last);
}

timespec after(clockid_t clock, long nanoseconds) { return time_of(now(clock) + nanoseconds); }

// Threads that wait at a futex; each counts itself when it comes back with 0.
class Waiters {
 public:
  Waiters(int count, Word& word, int operation, int bits = 0) {
    for (int i = 0; i < count; ++i) {
      std::atomic<pid_t> id{0};
      threads_.emplace_back([&, operation, bits] {
        id = gettid();
        const int seen = word;
        if (futex(&word, operation, seen, nullptr, nullptr, bits) == 0) ++woken;
      });
      EXPECT_TRUE(wait_until([&] { return id != 0; }));
      EXPECT_TRUE(wait_until_blocked(id));
    }
  }
  ~Waiters() { join(); }
  void join() {
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  testing::AssertionResult wait_for(int count) {
    return wait_until([&] { return woken == count; });
  }
  std::atomic<int> woken{0};

 private:
  std::vector<std::thread> threads_;
};

TEST(Futex, WaitNeedsTheExpectedValue) {
  Word word{5};
  EXPECT_ERRNO(EAGAIN, futex(&word, FUTEX_WAIT_PRIVATE, 4));
  EXPECT_ERRNO(EAGAIN, futex(&word, FUTEX_WAIT, 4));
}

TEST(Futex, WakeWithoutWaiters) {
  Word word{0};
  EXPECT_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 1), 0);
  EXPECT_EQ(futex(&word, FUTEX_WAKE, INT32_MAX), 0);
}

TEST(Futex, WakesAsManyAsAsked) {
  Word word{0};
  Waiters waiters(5, word, FUTEX_WAIT_PRIVATE);
  EXPECT_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 2), 2);
  EXPECT_TRUE(waiters.wait_for(2));
  EXPECT_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 100), 3);
  waiters.join();
  EXPECT_EQ(waiters.woken, 5);
}

TEST(Futex, PrivateAndSharedAreNamedApart) {
  Word word{0};
  Waiters waiters(1, word, FUTEX_WAIT_PRIVATE);
  EXPECT_EQ(futex(&word + 0, FUTEX_WAKE_PRIVATE, 1), 1);
}

TEST(Futex, RelativeTimeout) {
  Word word{0};
  const timespec limit{0, 20'000'000};
  const long start = now(CLOCK_MONOTONIC);
  EXPECT_ERRNO(ETIMEDOUT, futex(&word, FUTEX_WAIT_PRIVATE, 0, &limit));
  EXPECT_GE(now(CLOCK_MONOTONIC) - start, 20'000'000);
}

TEST(Futex, AbsoluteTimeouts) {
  Word word{0};
  for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
    const int flag = clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
    const timespec until = after(clock, 20'000'000);
    EXPECT_ERRNO(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET_PRIVATE | flag, 0, &until, nullptr, -1));
    EXPECT_GE(now(clock), until.tv_sec * 1'000'000'000L + until.tv_nsec);
    const timespec past{1, 0};
    EXPECT_ERRNO(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET_PRIVATE | flag, 0, &past, nullptr, -1));
  }
}

TEST(Futex, BitsetsSelect) {
  Word word{0};
  Waiters first(1, word, FUTEX_WAIT_BITSET_PRIVATE, 1);
  Waiters second(1, word, FUTEX_WAIT_BITSET_PRIVATE, 2);
  EXPECT_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, nullptr, nullptr, 4), 0);
  EXPECT_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, nullptr, nullptr, 2), 1);
  EXPECT_TRUE(second.wait_for(1));
  EXPECT_EQ(first.woken, 0);
  EXPECT_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 10), 1);
  EXPECT_ERRNO(EINVAL, futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, nullptr, nullptr, 0));
  EXPECT_ERRNO(EINVAL, futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 0));
}

TEST(Futex, RequeueMovesTheOthers) {
  Word from{0};
  Word to{0};
  Waiters waiters(6, from, FUTEX_WAIT_PRIVATE);
  const auto move = reinterpret_cast<const timespec*>(3UL);  // the count travels in the place of the timeout
  EXPECT_ERRNO(EAGAIN, futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, move, &to, 99));
  EXPECT_EQ(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, move, &to, 0), 4);  // woken and moved
  EXPECT_TRUE(waiters.wait_for(1));
  EXPECT_EQ(futex(&from, FUTEX_WAKE_PRIVATE, 100), 2);
  EXPECT_TRUE(waiters.wait_for(3));
  EXPECT_EQ(futex(&to, FUTEX_WAKE_PRIVATE, 100), 3);
  waiters.join();
  EXPECT_EQ(waiters.woken, 6);
}

TEST(Futex, PlainRequeue) {
  Word from{0};
  Word to{0};
  Waiters waiters(3, from, FUTEX_WAIT_PRIVATE);
  EXPECT_EQ(futex(&from, FUTEX_REQUEUE_PRIVATE, 0, reinterpret_cast<const timespec*>(10UL), &to), 3);
  EXPECT_EQ(futex(&from, FUTEX_WAKE_PRIVATE, 100), 0);
  EXPECT_EQ(futex(&to, FUTEX_WAKE_PRIVATE, 100), 3);
}

TEST(Futex, WakeOp) {
  Word first{0};
  Word second{10};
  Waiters one(1, first, FUTEX_WAIT_PRIVATE);
  Waiters two(1, second, FUTEX_WAIT_PRIVATE);
  const int operation = FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 10);
  EXPECT_EQ(futex(&first, FUTEX_WAKE_OP_PRIVATE, 1, reinterpret_cast<const timespec*>(1UL), &second, operation), 2);
  EXPECT_EQ(second, 15);
}

TEST(Futex, AcrossProcesses) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto& word = *shared.as<Word>();
  const pid_t pid = spawn([&] { return futex(&word, FUTEX_WAIT, 0) == 0 ? 0 : 1; });
  ASSERT_TRUE(wait_until_blocked(pid));
  EXPECT_EQ(futex(&word, FUTEX_WAKE, 1), 1);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Futex, SharedMemoryAtOtherAddresses) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  const pid_t pid = spawn([&] {
    Mapping room(4 * page_size);
    void* moved = mremap(shared.page(0), page_size, page_size, MREMAP_MAYMOVE | MREMAP_FIXED, room.page(2));
    if (moved != room.page(2)) return 2;
    return futex(room.as<Word>(2 * page_size), FUTEX_WAIT, 0) == 0 ? 0 : 1;
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  EXPECT_EQ(futex(shared.as<Word>(), FUTEX_WAKE, 1), 1);
  EXPECT_TRUE(reap(pid).exited(0));
}

// Other memory that comes to be where the kernel kept the first has waiters of its own.
TEST(Futex, SharedMemoryThatIsGoneWhileSomebodyWaits) {
  EXPECT_CHILD({
    const auto make = [] { return std::make_unique<Mapping>(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS); };
    auto gone = make();
    std::atomic<pid_t> id{0};
    std::thread([&id, word = gone->as<Word>()] {
      id = gettid();
      futex(word, FUTEX_WAIT, 0);
    }).detach();
    EXPECT_TRUE(wait_until([&] { return id != 0; }));
    EXPECT_TRUE(wait_until_blocked(id));
    gone.reset();
    std::vector<std::unique_ptr<Mapping>> others;
    for (int i = 0; i < 100; ++i) {
      others.push_back(make());
      ASSERT_TRUE(others.back()->ok());
      EXPECT_EQ(futex(others.back()->as<Word>(), FUTEX_WAKE, 1), 0);
    }
  });
}

TEST(Futex, PrivateMemoryIsNotSharedAcrossFork) {
  Mapping memory(page_size);
  auto& word = *memory.as<Word>();
  word = 0;
  const pid_t pid = spawn([&] {
    const timespec limit{0, 50'000'000};
    return futex(&word, FUTEX_WAIT, 0, &limit) == -1 && errno == ETIMEDOUT ? 0 : 1;
  });
  EXPECT_EQ(futex(&word, FUTEX_WAKE, 10), 0);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Futex, Errors) {
  Word word{0};
  auto* unaligned = reinterpret_cast<Word*>(reinterpret_cast<char*>(&word) + 1);
  const timespec wrong{0, -1};
  EXPECT_ERRNO(EINVAL, futex(unaligned, FUTEX_WAKE, 1));
  EXPECT_ERRNO(EFAULT, futex(wild<Word>(0), FUTEX_WAIT, 0));
  EXPECT_ERRNO(EFAULT, futex(reinterpret_cast<Word*>(0xffff'8000'0000'0000), FUTEX_WAIT_PRIVATE, 0));
  EXPECT_ERRNO(EFAULT, futex(reinterpret_cast<Word*>(0xffff'8000'0000'0000), FUTEX_WAKE_PRIVATE, 0));
  EXPECT_ERRNO(EINVAL, futex(&word, FUTEX_WAIT_PRIVATE, 0, &wrong));
  EXPECT_ERRNO(EFAULT, futex(&word, FUTEX_WAIT_PRIVATE, 0, wild<timespec>()));
  EXPECT_ERRNO(ENOSYS, futex(&word, 99, 0));
}

TEST(Futex, PingPong) {
  Word turn{0};
  std::thread other([&] {
    for (int i = 0; i < 2000; ++i) {
      while (turn != 1) futex(&turn, FUTEX_WAIT_PRIVATE, 0);
      turn = 0;
      futex(&turn, FUTEX_WAKE_PRIVATE, 1);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    turn = 1;
    futex(&turn, FUTEX_WAKE_PRIVATE, 1);
    while (turn != 0) futex(&turn, FUTEX_WAIT_PRIVATE, 1);
  }
  other.join();
}

TEST(RobustList, DeadOwnerIsMarked) {
  struct Entry {
    robust_list list;
    Word word;
  };
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto& entry = *shared.as<Entry>();
  const pid_t pid = spawn([&] {
    static robust_list_head head;
    head.list.next = &entry.list;
    entry.list.next = &head.list;
    head.futex_offset = offsetof(Entry, word);
    entry.word = gettid() | static_cast<int>(FUTEX_WAITERS);
    return syscall(SYS_set_robust_list, &head, sizeof head) == 0 ? 0 : 1;
  });
  EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(entry.word, static_cast<int>(FUTEX_WAITERS | FUTEX_OWNER_DIED));
}

TEST(RobustList, Calls) {
  robust_list_head* head = nullptr;
  std::size_t length = 0;
  EXPECT_OK(syscall(SYS_get_robust_list, 0, &head, &length));
  EXPECT_EQ(length, sizeof(robust_list_head));
  EXPECT_ERRNO(EINVAL, syscall(SYS_set_robust_list, head, 5));
  EXPECT_ERRNO(ESRCH, syscall(SYS_get_robust_list, 0x3fffffff, &head, &length));
}

TEST(RobustList, WildListsDoNotHurt) {
  for (std::size_t i = 0; i < std::size(wild_addresses); ++i) {
    EXPECT_TRUE(run([=] {
                  syscall(SYS_set_robust_list, wild(i), sizeof(robust_list_head));
                  return 0;
                }).exited(0));
  }
  EXPECT_TRUE(run([] {
                static robust_list_head head;  // a list that goes round for ever
                static robust_list entry;
                head.list.next = &entry;
                entry.next = &entry;
                syscall(SYS_set_robust_list, &head, sizeof head);
                return 0;
              }).exited(0));
}

}  // namespace
}  // namespace cv6::guest
