// Signals and threads: who gets one, masks, stops.

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

std::atomic<pid_t> handled_by;

TEST(ThreadSignals, TgkillReachesExactlyOne) {
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

TEST(ThreadSignals, ProcessSignalGoesToOneThatDoesNotBlockIt) {
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
TEST(ThreadSignals, ProcessSignalGoesOnWhenItsThreadBlocksIt) {
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
TEST(ThreadSignals, ProcessSignalIsTakenWhileMasksChange) {
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

TEST(ThreadSignals, MasksAreEachOnesOwn) {
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

TEST(ThreadSignals, StopStopsAllOfThem) {
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

}  // namespace
}  // namespace cv6::guest
