// Threads: identity, what they share, how they end, what ends with them.

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
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
  EXPECT_TRUE(wait_for_state(pid, 'Z'));
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

std::atomic<pid_t> handled_by;

TEST(Thread, TgkillReachesExactlyOne) {
  Handler handler(SIGUSR1, [](int) { handled_by = gettid(); });
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};
  std::atomic<int> ready{0};
  std::vector<std::atomic<pid_t>> ids(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      ids[i] = gettid();
      ++ready;
      stop.wait(false);
    });
  }
  EXPECT_TRUE(wait_until([&] { return ready == 4; }));
  for (const auto& id : ids) {
    handled_by = 0;
    EXPECT_OK(syscall(SYS_tgkill, getpid(), id.load(), SIGUSR1));
    EXPECT_TRUE(wait_until([&] { return handled_by == id; }));
  }
  stop = true;
  stop.notify_all();
  for (auto& thread : threads) thread.join();
  // A thread that has been joined may still be on its way out of the kernel.
  EXPECT_TRUE(wait_until([&] { return syscall(SYS_tgkill, getpid(), ids[0].load(), 0) == -1; }));
  EXPECT_EQ(errno, ESRCH);
}

TEST(Thread, ProcessSignalGoesToOneThatDoesNotBlockIt) {
  EXPECT_CHILD({
    Handler handler(SIGUSR1, [](int) { handled_by = gettid(); });
    handled_by = 0;
    Blocked blocked{SIGUSR1};
    std::atomic<pid_t> id{0};
    std::atomic<bool> stop{false};
    std::thread open([&] {
      const sigset_t set = signal_set({SIGUSR1});
      pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
      id = gettid();
      stop.wait(false);
    });
    EXPECT_TRUE(wait_until([&] { return id != 0; }));
    kill(getpid(), SIGUSR1);
    EXPECT_TRUE(wait_until([&] { return handled_by == id; }));
    stop = true;
    stop.notify_all();
    open.join();
  });
}

std::atomic<bool> second_came, second_came_in_time;

// Two signals come to a thread that sleeps in vfork; the handler of the first one blocks the second, which is another
// thread's then.
TEST(Thread, ProcessSignalGoesOnWhenItsThreadBlocksIt) {
  EXPECT_CHILD({
    second_came = second_came_in_time = false;
    const auto wait_for_second = [](int) {
      for (const long limit = now() + limit_seconds() * second; !second_came && now() < limit;) sched_yield();
      second_came_in_time = second_came.load();
    };
    Handler first(SIGUSR1, static_cast<void (*)(int)>(wait_for_second), 0, {SIGUSR2});
    Handler other(SIGUSR2, [](int) { second_came = true; });
    std::atomic<bool> stop{false};
    std::atomic<pid_t> id{0};
    std::thread open([&] {
      const sigset_t set = signal_set({SIGUSR1});
      pthread_sigmask(SIG_BLOCK, &set, nullptr);
      id = gettid();
      stop.wait(false);
    });
    EXPECT_TRUE(wait_until([&] { return id != 0; }));
    const pid_t self = getpid();
    const pid_t child = vfork();
    if (child == 0) {
      kill(self, SIGUSR1);
      kill(self, SIGUSR2);
      _exit(0);
    }
    EXPECT_TRUE(second_came_in_time);
    reap(child);
    stop = true;
    stop.notify_all();
    open.join();
  });
}

// Whoever has been chosen for a signal may block it before it gets to it, or end: the other thread takes it then.
TEST(Thread, ProcessSignalIsTakenWhileMasksChange) {
  EXPECT_CHILD({
    static std::atomic<int> taken;
    taken = 0;
    Handler handler(SIGUSR1, [](int) { ++taken; });
    Blocked blocked{SIGUSR1};
    std::atomic<bool> stop{false};
    std::atomic<int> round{0};
    std::atomic<int> met{0};
    // Open for a moment at the beginning of each round.
    std::thread changing([&] {
      const sigset_t set = signal_set({SIGUSR1});
      for (int seen = 0; !stop;) {
        pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        met = seen;
        while (round == seen && !stop) sched_yield();
        pthread_sigmask(SIG_BLOCK, &set, nullptr);
        seen = round;
        while (taken < seen && !stop) sched_yield();
      }
    });
    std::thread open([&] {
      const sigset_t set = signal_set({SIGUSR1});
      pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
      stop.wait(false);
    });
    for (int i = 1; i <= 500; ++i) {
      ASSERT_TRUE(wait_until([&] { return met == i - 1; }));
      round = i;
      kill(getpid(), SIGUSR1);
      ASSERT_TRUE(wait_until([&] { return taken == i; })) << i;
    }
    stop = true;
    stop.notify_all();
    changing.join();
    open.join();
  });
}

TEST(Thread, MasksAreEachOnesOwn) {
  Blocked blocked{SIGUSR2};
  std::thread([] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    EXPECT_TRUE(sigismember(&mask, SIGUSR2));  // inherited
    const sigset_t set = signal_set({SIGUSR2});
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  }).join();
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_TRUE(sigismember(&mask, SIGUSR2));
}

TEST(Thread, StopStopsAllOfThem) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* ticks = shared.as<std::atomic<long>>();
  const pid_t pid = spawn([&]() -> int {
    for (int i = 0; i < 3; ++i) {
      std::thread([&, i] {
        for (;;) ++ticks[i];
      }).detach();
    }
    for (;;) pause();
  });
  EXPECT_TRUE(wait_until([&] { return ticks[0] > 0 && ticks[1] > 0 && ticks[2] > 0; }));
  ASSERT_OK(kill(pid, SIGSTOP));
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  const long before = ticks[0] + ticks[1] + ticks[2];
  for (int i = 0; i < 100; ++i) sched_yield();
  EXPECT_EQ(ticks[0] + ticks[1] + ticks[2], before);
  ASSERT_OK(kill(pid, SIGCONT));
  EXPECT_TRUE(wait_until([&] { return ticks[0] + ticks[1] + ticks[2] > before; }));
  kill(pid, SIGKILL);
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
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
