// Calls that wait and are interrupted: EINTR or restarted; stop and continue in the middle of them.

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "support/child.hpp"
#include "support/clock.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

volatile sig_atomic_t calls;

void count(int) { calls = calls + 1; }

// A child waits in `call` with a handler of these flags; it is signalled while it sleeps. `after` goes on then.
void interrupted(int flags, const std::function<void()>& call, const std::function<void(pid_t)>& after = {}) {
  Pipe ready;
  const pid_t pid = spawn_checked([&] {
    calls = 0;
    Handler handler(SIGUSR1, count, flags);
    ready.notify();
    call();
    EXPECT_EQ(calls, 1);
  });
  ASSERT_OK(pid);
  ASSERT_TRUE(ready.wait());
  EXPECT_TRUE(wait_until_blocked(pid));
  EXPECT_OK(kill(pid, SIGUSR1));
  if (after) after(pid);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Interrupt, ReadWithoutRestart) {
  Pipe pipe;
  char byte;
  interrupted(0, [&] { EXPECT_ERRNO(EINTR, read(pipe.read, &byte, 1)); });
}

TEST(Interrupt, ReadWithRestart) {
  Pipe pipe;
  interrupted(
      SA_RESTART,
      [&] {
        char byte = 0;
        EXPECT_EQ(read(pipe.read, &byte, 1), 1);
        EXPECT_EQ(byte, 'r');
      },
      [&](pid_t pid) {
        EXPECT_TRUE(wait_until_blocked(pid));
        EXPECT_EQ(write(pipe.write, "r", 1), 1);
      });
}

TEST(Interrupt, WriteToAFullPipe) {
  Pipe pipe;
  fcntl(pipe.write, F_SETFL, O_NONBLOCK);
  char block[4096] = {};
  while (write(pipe.write, block, sizeof block) > 0) continue;
  fcntl(pipe.write, F_SETFL, 0);
  interrupted(0, [&] { EXPECT_ERRNO(EINTR, write(pipe.write, "x", 1)); });
}

TEST(Interrupt, PartialWriteReturnsWhatWasWritten) {
  Pipe pipe;
  interrupted(0, [&] {
    std::string much(1 << 20, 'x');
    const ssize_t written = write(pipe.write, much.data(), much.size());
    EXPECT_GT(written, 0);
    EXPECT_LT(written, (ssize_t)much.size());
  });
}

TEST(Interrupt, WaitForAChild) {
  interrupted(0, [] {
    Pipe gate;
    const pid_t child = spawn([&] {
      gate.write.close();
      gate.wait();
      return 0;
    });
    EXPECT_ERRNO(EINTR, waitpid(child, nullptr, 0));
    gate.write.close();
    EXPECT_TRUE(reap(child).exited(0));
  });
}

TEST(Interrupt, WaitForAChildWithRestart) {
  Pipe gate;
  interrupted(
      SA_RESTART,
      [&] {
        const pid_t child = spawn([&] {
          gate.write.close();
          gate.wait();
          return 0;
        });
        gate.write.close();
        EXPECT_EQ(waitpid(child, nullptr, 0), child);
      },
      [&](pid_t pid) {
        EXPECT_TRUE(wait_until_blocked(pid));
        gate.write.close();
      });
}

TEST(Interrupt, SleepsTellWhatIsLeft) {
  for (const int flags : {0, SA_RESTART}) {  // never restarted after a handler
    interrupted(flags, [] {
      const timespec request{1000, 0};
      timespec left{};
      EXPECT_ERRNO(EINTR, nanosleep(&request, &left));
      EXPECT_GT(left.tv_sec, 0);
      EXPECT_LE(left.tv_sec, 1000);
    });
  }
}

TEST(Interrupt, AbsoluteSleep) {
  interrupted(SA_RESTART, [] {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 1000;
    EXPECT_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr), EINTR);
  });
}

TEST(Interrupt, PollAndSelectAreNeverRestarted) {
  Pipe pipe;
  interrupted(SA_RESTART, [&] {
    pollfd one{pipe.read, POLLIN, 0};
    EXPECT_ERRNO(EINTR, poll(&one, 1, -1));
  });
  interrupted(SA_RESTART, [&] {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe.read, &set);
    EXPECT_ERRNO(EINTR, select(pipe.read + 1, &set, nullptr, nullptr, nullptr));
  });
}

TEST(Interrupt, Futex) {
  interrupted(0, [] {
    int word = 1;
    EXPECT_ERRNO(EINTR, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0));
  });
  interrupted(SA_RESTART, [] {
    int word = 1;
    const timespec limit{1000, 0};
    EXPECT_ERRNO(EINTR, syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, &limit, nullptr, 0));
  });
}

TEST(Interrupt, FileLock) {
  char name[] = "/tmp/guest-lock-XXXXXX";
  Descriptor file(mkstemp(name));
  ASSERT_OK(file);
  unlink(name);
  const struct flock whole{F_WRLCK, SEEK_SET, 0, 0, 0};
  ASSERT_OK(fcntl(file, F_SETLK, &whole));
  interrupted(0, [&] { EXPECT_ERRNO(EINTR, fcntl(file, F_SETLKW, &whole)); });
}

TEST(Interrupt, FifoOpen) {
  char name[] = "/tmp/guest-fifo-XXXXXX";
  ASSERT_NE(mkdtemp(name), nullptr);
  const std::string fifo = std::string(name) + "/fifo";
  ASSERT_OK(mkfifo(fifo.c_str(), 0600));
  interrupted(0, [&] { EXPECT_ERRNO(EINTR, open(fifo.c_str(), O_RDONLY)); });
  unlink(fifo.c_str());
  rmdir(name);
}

// Stopped and continued, without a handler: the call goes on as if nothing had happened.
void stopped_during(const std::function<void()>& call, const std::function<void()>& finish) {
  const pid_t pid = spawn_checked(call);
  EXPECT_TRUE(wait_until_blocked(pid));
  int status = 0;
  EXPECT_OK(kill(pid, SIGSTOP));
  EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
  EXPECT_TRUE(WIFSTOPPED(status));
  EXPECT_OK(kill(pid, SIGCONT));
  EXPECT_EQ(waitpid(pid, &status, WCONTINUED), pid);
  finish();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Stop, ReadGoesOnAfterContinue) {
  Pipe pipe;
  stopped_during(
      [&] {
        char byte;
        EXPECT_EQ(read(pipe.read, &byte, 1), 1);
      },
      [&] { pipe.notify(); });
}

TEST(Stop, SleepGoesOnAfterContinue) {
  stopped_during(
      [] {
        const long before = now();
        const timespec request{0, 200'000'000};
        EXPECT_OK(nanosleep(&request, nullptr));
        EXPECT_GE(now() - before, 200'000'000);
      },
      [] {});
}

TEST(Stop, PollGoesOnAfterContinue) {
  Pipe pipe;
  stopped_during(
      [&] {
        pollfd one{pipe.read, POLLIN, 0};
        EXPECT_EQ(poll(&one, 1, -1), 1);
      },
      [&] { pipe.notify(); });
}

TEST(Stop, StoppedProcessTakesNoSignalButKill) {
  Pipe ready;
  const pid_t pid = spawn([&] {
    Handler handler(SIGUSR1, [](int) { _exit(44); });
    ready.notify();
    raise(SIGSTOP);
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(ready.wait());
  ASSERT_TRUE(wait_for_state(pid, 'T'));
  ASSERT_OK(kill(pid, SIGUSR1));
  EXPECT_EQ(state_of(pid), 'T');
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  ASSERT_OK(kill(pid, SIGCONT));
  EXPECT_TRUE(reap(pid).exited(44));
}

TEST(Stop, KillEndsAStoppedProcess) {
  const pid_t pid = spawn([] { return raise(SIGSTOP); });
  ASSERT_TRUE(wait_for_state(pid, 'T'));
  ASSERT_OK(kill(pid, SIGKILL));
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
}

TEST(Stop, ContinueRunsItsHandler) {
  Pipe ready;
  const pid_t pid = spawn_checked([&] {
    calls = 0;
    Handler handler(SIGCONT, count);
    ready.notify();
    raise(SIGSTOP);
    EXPECT_EQ(calls, 1);
  });
  ASSERT_TRUE(ready.wait());
  ASSERT_TRUE(wait_for_state(pid, 'T'));
  ASSERT_OK(kill(pid, SIGCONT));
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Stop, ContinueThrowsPendingStopsAway) {
  EXPECT_CHILD({
    Blocked blocked{SIGTSTP, SIGCONT};
    raise(SIGTSTP);
    sigset_t pending;
    sigpending(&pending);
    EXPECT_TRUE(sigismember(&pending, SIGTSTP));
    raise(SIGCONT);
    sigpending(&pending);
    EXPECT_FALSE(sigismember(&pending, SIGTSTP));
    EXPECT_TRUE(sigismember(&pending, SIGCONT));
  });
}

// However soon after the stop it comes: also between the moment when a thread has taken the stop signal and the stop.
TEST(Stop, ContinueIsNeverTooEarly) {
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto& ticks = *shared.as<std::atomic<long>>();
  const pid_t pid = spawn([&]() -> int {
    signal(SIGCONT, SIG_IGN);  // what ends a stop is that it is sent
    for (;;) ++ticks;
  });
  for (int i = 0; i < 2000; ++i) {
    const long before = ticks;
    kill(pid, SIGSTOP);
    for (int wait = i % 200; wait > 0; --wait) asm volatile("pause");
    kill(pid, SIGCONT);
    const auto goes_on = wait_until([&] { return ticks > before; });
    EXPECT_TRUE(goes_on) << i;
    if (!goes_on) break;
  }
  kill(pid, SIGKILL);
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
}

TEST(Stop, TtySignalsStop) {
  for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) {
    const pid_t pid = spawn([=] { return raise(signal); });
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
    EXPECT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(WSTOPSIG(status), signal);
    ASSERT_OK(kill(pid, SIGCONT));
    EXPECT_TRUE(reap(pid).exited(0));
  }
}

TEST(Stop, OrphanedGroupIgnoresTtyStops) {
  EXPECT_CHILD({
    setsid();  // our parent is in another session: this group is orphaned
    EXPECT_OK(raise(SIGTSTP));
    EXPECT_OK(raise(SIGTTIN));
  });
}

volatile sig_atomic_t child_code;
volatile sig_atomic_t child_signals;

void on_child(int, siginfo_t* info, void*) {
  child_code = info->si_code;
  child_signals = child_signals + 1;
}

TEST(Stop, ParentIsToldUnlessNocldstop) {
  EXPECT_CHILD({
    child_signals = 0;
    Handler handler(SIGCHLD, on_child);
    const pid_t pid = spawn([] {
      for (;;) pause();
      return 0;
    });
    ASSERT_OK(kill(pid, SIGSTOP));
    EXPECT_TRUE(wait_until([] { return child_code == CLD_STOPPED; }));
    ASSERT_OK(kill(pid, SIGCONT));
    EXPECT_TRUE(wait_until([] { return child_code == CLD_CONTINUED; }));
    Handler quiet(SIGCHLD, on_child, SA_NOCLDSTOP);
    const int before = child_signals;
    ASSERT_OK(kill(pid, SIGSTOP));
    int status;
    EXPECT_EQ(waitpid(pid, &status, WUNTRACED), pid);
    ASSERT_OK(kill(pid, SIGCONT));
    EXPECT_EQ(waitpid(pid, &status, WCONTINUED), pid);
    EXPECT_EQ(child_signals, before);
    kill(pid, SIGKILL);
    reap(pid);
    EXPECT_EQ(child_signals, before + 1);
    EXPECT_EQ(child_code, CLD_KILLED);
  });
}

TEST(Stop, ParentWithoutAHandlerMayWaitForTheSignal) {
  EXPECT_CHILD({
    Blocked blocked{SIGCHLD};
    const pid_t pid = spawn([] {
      for (;;) pause();
      return 0;
    });
    siginfo_t info{};
    ASSERT_OK(kill(pid, SIGSTOP));
    EXPECT_EQ(wait_signal(blocked.set(), &info), SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_STOPPED);
    EXPECT_EQ(info.si_pid, pid);
    ASSERT_OK(kill(pid, SIGCONT));
    EXPECT_EQ(wait_signal(blocked.set(), &info), SIGCHLD);
    EXPECT_EQ(info.si_code, CLD_CONTINUED);
    kill(pid, SIGKILL);
    reap(pid);
  });
}

}  // namespace
}  // namespace cv6::guest
