// Threads: identity, what they share, how they end, what ends with them.

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/memory.hpp"
#include "support/soak.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

TEST(Thread, HasItsOwnTid) {
  EXPECT_CHILD({
    EXPECT_EQ(gettid(), getpid());
    pid_t tid = 0;
    pid_t pid = 0;
    std::thread([&] {
      tid = gettid();
      pid = getpid();
    }).join();
    EXPECT_EQ(pid, getpid());
    EXPECT_NE(tid, getpid());
    EXPECT_GT(tid, 0);
  });
}

TEST(Thread, SharesDescriptorsAndDirectory) {
  EXPECT_CHILD({
    int fd = -1;
    std::thread([&] {
      fd = open("/dev/null", O_RDONLY);
      chdir("/proc");
      umask(0123);
    }).join();
    EXPECT_OK(fcntl(fd, F_GETFD));
    char directory[64];
    EXPECT_STREQ(getcwd(directory, sizeof directory), "/proc");
    EXPECT_EQ(umask(0), 0123u);
  });
}

TEST(Thread, ManyInSequence) {
  std::atomic<int> count{0};
  for (int i = 0; i < 500; ++i) std::thread([&] { ++count; }).join();
  EXPECT_EQ(count, 500);
}

TEST(Thread, ManyAtOnce) {
  constexpr int count = 200;
  std::atomic<int> arrived{0};
  std::atomic<bool> go{false};
  std::vector<pid_t> ids(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      ids[i] = gettid();
      ++arrived;
      go.wait(false);
    });
  }
  EXPECT_TRUE(wait_until([&] { return arrived == count; }));
  go = true;
  go.notify_all();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(std::set<pid_t>(ids.begin(), ids.end()).size(), (std::size_t)count);
}

TEST(Thread, LocalStorageIsEachOnesOwn) {
  static thread_local int value = 7;
  static thread_local char large[20'000];
  value = 8;
  large[19'999] = 'm';
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      if (value != 7 || large[19'999] != 0) ++wrong;
      value = 100 + i;
      large[0] = static_cast<char>(i);
      sched_yield();
      if (value != 100 + i || large[0] != i) ++wrong;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(value, 8);
}

TEST(Thread, CounterWithoutLockButAtomic) {
  std::atomic<long> counter{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20'000; ++n) counter.fetch_add(1);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 160'000);
}

TEST(Thread, ExitGroupFromAThread) {
  EXPECT_TRUE(run([] {
                std::thread([] { _exit(33); }).join();
                return 1;
              }).exited(33));
}

TEST(Thread, MainThreadMayLeaveFirst) {
  EXPECT_TRUE(run([] {
                static pthread_t main_thread = pthread_self();
                std::thread([] {
                  pthread_join(main_thread, nullptr);
                  _exit(12);
                }).detach();
                syscall(SYS_exit, 99);  // this thread only: the process goes on
                return 1;
              }).exited(12));
}

TEST(Thread, LastThreadsCodeIsTheProcess) {
  EXPECT_TRUE(run([] {
                syscall(SYS_exit, 55);
                return 1;
              }).exited(55));
}

TEST(Thread, FatalSignalEndsAll) {
  EXPECT_KILLED_BY(SIGSEGV, {
    for (int i = 0; i < 4; ++i)
      std::thread([] {
        for (;;) pause();
      }).detach();
    std::thread([] { *wild<volatile char>() = 1; }).join();
  });
}

TEST(Thread, ForkCopiesOnlyTheCaller) {
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::atomic<int> ticks{0};
    std::thread other([&] {
      while (!stop) {
        ++ticks;
        sched_yield();
      }
    });
    EXPECT_TRUE(wait_until([&] { return ticks > 10; }));
    EXPECT_TRUE(run([&] {
                  const int before = ticks;
                  for (int i = 0; i < 1000; ++i) sched_yield();
                  return ticks == before ? 0 : 1;
                }).exited(0));
    stop = true;
    other.join();
  });
}

TEST(Thread, ForkFromAThread) {
  std::thread([] {
    const pid_t tid = gettid();
    EXPECT_TRUE(run([=] { return getpid() == gettid() && getpid() != tid ? 0 : 1; }).exited(0));
  }).join();
}

const Helper single_helper{"single-thread", [](std::span<char*> arguments) {
                             return getpid() == atoi(arguments[0]) && gettid() == getpid() ? 44 : 1;
                           }};

TEST(Thread, ExecFromAThreadTakesThePid) {
  EXPECT_TRUE(run([]() -> int {
                const std::string pid = std::to_string(getpid());
                std::thread([] {
                  for (;;) pause();
                }).detach();
                std::thread([&] { become_helper("single-thread", {pid}); }).join();
                return 1;
              }).exited(44));
}

TEST(Thread, ExecFromMainEndsTheOthers) {
  EXPECT_TRUE(run([]() -> int {
                for (int i = 0; i < 5; ++i)
                  std::thread([] {
                    for (;;) sched_yield();
                  }).detach();
                become_helper("single-thread", {std::to_string(getpid())});
              }).exited(44));
}

// The first thread is in vfork when another one ends it; its child waits for just that. The exit status.
Ending ending_in_vfork(const std::function<void()>& end) {
  const pid_t pid = spawn([&]() -> int {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return 1;
    std::atomic<bool> born{false};
    std::thread([&] {
      while (!born) sched_yield();
      end();
    }).detach();
    const pid_t child = vfork();
    if (child == 0) {
      close(ends[1]);
      born = true;
      char byte;
      _exit(static_cast<int>(read(ends[0], &byte, 1)));  // until nobody has the other end
    }
    return 2;
  });
  EXPECT_TRUE(wait_until([&] { return has_ended(pid); }));
  kill(pid, SIGKILL);
  return reap(pid);
}

TEST(Thread, ExecEndsAThreadInVfork) {
  EXPECT_TRUE(ending_in_vfork([] { become_helper("single-thread", {std::to_string(getpid())}); }).exited(44));
}

TEST(Thread, ExitGroupEndsAThreadInVfork) {
  EXPECT_TRUE(ending_in_vfork([] { syscall(SYS_exit_group, 6); }).exited(6));
}

TEST(Thread, ChildrenBelongToTheProcess) {
  EXPECT_CHILD({
    pid_t child = -1;
    std::thread([&] { child = spawn([] { return 6; }); }).join();
    EXPECT_TRUE(reap(child).exited(6));  // made by a thread that is gone, reaped by another
  });
}

TEST(Thread, WaitInOneThreadWhileAnotherForks) {
  EXPECT_CHILD({
    pid_t child = -1;
    Pipe gate;
    child = spawn([&] {
      gate.write.close();
      gate.wait();
      return 3;
    });
    std::thread waiter([&] { EXPECT_TRUE(reap(child).exited(3)); });
    EXPECT_TRUE(run([] { return 0; }).exited(0));
    gate.write.close();
    waiter.join();
  });
}

TEST(Thread, SetTidAddressIsClearedAndWoken) {
  // The raw protocol below pthread_join: the kernel clears the word at the end of the thread and wakes a futex there.
  static std::atomic<int> tid_word;
  tid_word = 1;
  Mapping stack(64 * 1024);
  const int flags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  static std::atomic<int> ran;
  ran = 0;
  const auto body = [](void*) {
    ran = 1;
    syscall(SYS_exit, 0);
    return 0;
  };
  ASSERT_OK(clone(body, stack.as(stack.length()), flags, nullptr, nullptr, nullptr, &tid_word));
  while (tid_word == 1) syscall(SYS_futex, &tid_word, FUTEX_WAIT, 1, nullptr, nullptr, 0);
  EXPECT_EQ(tid_word, 0);
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(syscall(SYS_set_tid_address, nullptr), gettid());
}

TEST(Thread, ProcTaskListsThem) {
  std::atomic<bool> stop{false};
  std::atomic<pid_t> id{0};
  std::thread other([&] {
    id = gettid();
    stop.wait(false);
  });
  EXPECT_TRUE(wait_until([&] { return id != 0; }));
  EXPECT_OK(access(("/proc/self/task/" + std::to_string(id)).c_str(), F_OK));
  EXPECT_OK(access(("/proc/self/task/" + std::to_string(gettid())).c_str(), F_OK));
  stop = true;
  stop.notify_all();
  other.join();
}

TEST(Thread, PageFaultsInManyAtOnce) {
  constexpr std::size_t pages = 512;
  Mapping mapping(pages * page_size);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < pages; ++i) mapping.as<std::atomic<int>>(i * page_size)->fetch_add(t + 1);
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < pages; ++i) ASSERT_EQ(*mapping.as<int>(i * page_size), 10);
}

TEST(Thread, UnmapInOneIsSeenByAll) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Mapping mapping(page_size);
    std::atomic<bool> touched{false};
    std::thread reader([&] {
      for (;;) {
        *mapping.as<volatile char>();
        touched = true;
      }
    });
    while (!touched) sched_yield();
    munmap(mapping.page(0), page_size);
    reader.join();  // it must fault: stale translations would let it go on for ever
  });
}

TEST(Thread, ProtectionInOneIsSeenByAll) {
  EXPECT_KILLED_BY(SIGSEGV, {
    Mapping mapping(page_size);
    std::atomic<bool> touched{false};
    std::thread writer([&] {
      for (;;) {
        *mapping.as<volatile char>() = 1;
        touched = true;
      }
    });
    while (!touched) sched_yield();
    mprotect(mapping.page(0), page_size, PROT_READ);
    writer.join();
  });
}

// Two threads write, and then look for what the other one has written: one of them at least sees it, though only one of them
// asks for a barrier.
TEST(Thread, MembarrierIsForAllOfThem) {
  const auto membarrier = [](int command) { return syscall(SYS_membarrier, command, 0, 0); };
  const long known = membarrier(MEMBARRIER_CMD_QUERY);
  if (known < 0 || !(known & MEMBARRIER_CMD_PRIVATE_EXPEDITED)) GTEST_SKIP() << "no membarrier here";
  ASSERT_OK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED));
  const int rounds = times(5'000, 1'000'000);
  alignas(64) std::atomic<int> slow{0};
  alignas(64) std::atomic<int> fast{0};
  alignas(64) std::atomic<int> started{0};
  std::atomic<int> finished{0};
  int seen_by_fast = 0, unseen = 0;
  std::thread other([&] {
    for (int round = 1; round <= rounds; ++round) {
      while (started.load(std::memory_order_acquire) < round) sched_yield();
      fast.store(round, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      seen_by_fast = slow.load(std::memory_order_relaxed);
      finished.store(round, std::memory_order_release);
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    started.store(round, std::memory_order_release);
    slow.store(round, std::memory_order_relaxed);
    EXPECT_OK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
    const int seen_by_slow = fast.load(std::memory_order_relaxed);
    while (finished.load(std::memory_order_acquire) < round) sched_yield();
    unseen += seen_by_fast != round && seen_by_slow != round;
  }
  other.join();
  EXPECT_EQ(unseen, 0);
}

}  // namespace
}  // namespace cv6::guest
