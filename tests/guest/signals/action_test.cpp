// sigaction, its flags, masks, pending signals, sigsuspend.

#include <sys/syscall.h>
#include <unistd.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

volatile sig_atomic_t calls;
volatile sig_atomic_t last_signal;
volatile sig_atomic_t depth;
volatile sig_atomic_t deepest;
siginfo_t last_info;

void count(int signal) {
  calls = calls + 1;
  last_signal = signal;
}

void record(int signal, siginfo_t* info, void*) {
  count(signal);
  last_info = *info;
}

class Action : public testing::Test {
 protected:
  void SetUp() override {
    calls = 0;
    last_signal = 0;
    depth = 0;
    deepest = 0;
  }
};

TEST_F(Action, HandlerRunsAtOnce) {
  Handler handler(SIGUSR1, count);
  EXPECT_OK(raise(SIGUSR1));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(last_signal, SIGUSR1);
  EXPECT_OK(kill(getpid(), SIGUSR1));
  EXPECT_EQ(calls, 2);
}

TEST_F(Action, OldActionIsReturned) {
  struct sigaction first{}, old{};
  first.sa_handler = count;
  first.sa_flags = SA_RESTART | SA_NODEFER;
  first.sa_mask = signal_set({SIGUSR2, SIGRTMIN + 3});
  EXPECT_CHILD({
    ASSERT_OK(sigaction(SIGUSR1, &first, &old));
    EXPECT_EQ(old.sa_handler, SIG_DFL);
    ASSERT_OK(sigaction(SIGUSR1, nullptr, &old));
    EXPECT_EQ(old.sa_handler, count);
    EXPECT_EQ(old.sa_flags & ~0x04000000, SA_RESTART | SA_NODEFER);  // 0x04000000: SA_RESTORER
    EXPECT_TRUE(sigismember(&old.sa_mask, SIGUSR2));
    EXPECT_TRUE(sigismember(&old.sa_mask, SIGRTMIN + 3));
    EXPECT_FALSE(sigismember(&old.sa_mask, SIGHUP));
    ASSERT_OK(sigaction(SIGUSR1, nullptr, nullptr));
  });
}

TEST_F(Action, Errors) {
  struct sigaction action{};
  action.sa_handler = count;
  EXPECT_ERRNO(EINVAL, sigaction(SIGKILL, &action, nullptr));
  EXPECT_ERRNO(EINVAL, sigaction(SIGSTOP, &action, nullptr));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, 0, nullptr, nullptr, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, 65, nullptr, nullptr, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigaction, SIGUSR1, nullptr, nullptr, 4));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, wild(), nullptr, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, nullptr, wild(), 8));
  EXPECT_OK(sigaction(SIGKILL, nullptr, &action));
}

TEST_F(Action, SiginfoOfKill) {
  Handler handler(SIGUSR1, record);
  kill(getpid(), SIGUSR1);
  EXPECT_EQ(last_info.si_signo, SIGUSR1);
  EXPECT_EQ(last_info.si_code, SI_USER);
  EXPECT_EQ(last_info.si_pid, getpid());
  EXPECT_EQ(last_info.si_uid, getuid());
}

TEST_F(Action, SiginfoOfTgkill) {
  Handler handler(SIGUSR1, record);
  EXPECT_OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
  EXPECT_EQ(last_info.si_code, SI_TKILL);
  EXPECT_EQ(last_info.si_pid, getpid());
}

TEST_F(Action, SiginfoOfAChild) {
  Handler handler(SIGCHLD, record);
  Blocked blocked{SIGCHLD};
  const pid_t pid = spawn([] { return 31; });
  reap(pid);
  sigset_t open = blocked.before();
  sigdelset(&open, SIGCHLD);
  sigsuspend(&open);
  EXPECT_EQ(last_info.si_code, CLD_EXITED);
  EXPECT_EQ(last_info.si_pid, pid);
  EXPECT_EQ(last_info.si_status, 31);
}

void nest(int signal) {
  depth = depth + 1;
  if (depth > deepest) deepest = depth;
  calls = calls + 1;
  if (calls < 4) raise(signal);
  depth = depth - 1;
}

TEST_F(Action, SignalIsBlockedInItsHandler) {
  Handler handler(SIGUSR1, nest);
  raise(SIGUSR1);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(deepest, 1);
}

TEST_F(Action, NodeferLetsItNest) {
  Handler handler(SIGUSR1, nest, SA_NODEFER);
  raise(SIGUSR1);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(deepest, 4);
}

TEST_F(Action, ResethandRunsOnce) {
  EXPECT_KILLED_BY(SIGUSR1, {
    Handler handler(SIGUSR1, count, SA_RESETHAND);
    raise(SIGUSR1);
    if (calls != 1) return 1;
    raise(SIGUSR1);
  });
}

void raise_other(int) {
  raise(SIGUSR2);
  last_signal = 0;  // only visible after the handler if SIGUSR2 waited for its end
}

TEST_F(Action, MaskHoldsOthersBackDuringTheHandler) {
  Handler other(SIGUSR2, count);
  {
    Handler handler(SIGUSR1, raise_other, 0, {SIGUSR2});
    raise(SIGUSR1);
    EXPECT_EQ(last_signal, SIGUSR2);
  }
  Handler handler(SIGUSR1, raise_other);
  raise(SIGUSR1);
  EXPECT_EQ(last_signal, 0);
  EXPECT_EQ(calls, 2);
}

TEST_F(Action, MaskIsRestoredAfterTheHandler) {
  Handler handler(SIGUSR1, count, 0, {SIGUSR2, SIGTERM});
  raise(SIGUSR1);
  sigset_t mask;
  sigprocmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_FALSE(sigismember(&mask, SIGUSR1));
  EXPECT_FALSE(sigismember(&mask, SIGUSR2));
}

TEST_F(Action, IgnoredSignalsVanish) {
  EXPECT_CHILD({
    signal(SIGTERM, SIG_IGN);
    raise(SIGTERM);
    const Blocked blocked{SIGTERM};
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
    signal(SIGTERM, SIG_IGN);  // throws the pending one away
    sigset_t pending;
    sigpending(&pending);
    EXPECT_FALSE(sigismember(&pending, SIGTERM));
  });
}

TEST_F(Action, DefaultIgnoresSomeAndKillsByOthers) {
  for (const int signal : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT}) {
    EXPECT_TRUE(run([=] { return raise(signal); }).exited(0)) << signal;
  }
  for (const int signal :
       {SIGHUP,  SIGINT,    SIGQUIT, SIGILL, SIGABRT, SIGFPE,  SIGSEGV, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1,
        SIGUSR2, SIGVTALRM, SIGPROF, SIGIO,  SIGSYS,  SIGTRAP, SIGBUS,  SIGXCPU, SIGXFSZ, SIGRTMAX}) {
    EXPECT_TRUE(run([=] { return raise(signal); }).killed_by(signal)) << signal;
  }
}

TEST_F(Action, BlockedSignalsWait) {
  Handler handler(SIGUSR1, count);
  {
    Blocked blocked{SIGUSR1};
    raise(SIGUSR1);
    raise(SIGUSR1);
    EXPECT_EQ(calls, 0);
    sigset_t pending;
    EXPECT_OK(sigpending(&pending));
    EXPECT_TRUE(sigismember(&pending, SIGUSR1));
    EXPECT_FALSE(sigismember(&pending, SIGUSR2));
  }
  EXPECT_EQ(calls, 1);  // ordinary signals do not queue
}

TEST_F(Action, KillAndStopCannotBeBlocked) {
  sigset_t all;
  sigfillset(&all);
  EXPECT_CHILD({
    ASSERT_OK(sigprocmask(SIG_SETMASK, &all, nullptr));
    sigset_t now;
    ASSERT_OK(sigprocmask(SIG_BLOCK, nullptr, &now));
    EXPECT_FALSE(sigismember(&now, SIGKILL));
    EXPECT_FALSE(sigismember(&now, SIGSTOP));
    EXPECT_TRUE(sigismember(&now, SIGTERM));
  });
}

TEST_F(Action, MaskErrors) {
  sigset_t set = signal_set({});
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigprocmask, 77, &set, nullptr, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 16));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigprocmask, SIG_BLOCK, wild(), nullptr, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, wild(), 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigpending, wild(), 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rt_sigsuspend, wild(), 8));
}

TEST_F(Action, SuspendSwapsTheMask) {
  Handler handler(SIGUSR1, count);
  Blocked blocked{SIGUSR1, SIGUSR2};
  raise(SIGUSR1);
  const sigset_t only_second = signal_set({SIGUSR2});
  EXPECT_ERRNO(EINTR, sigsuspend(&only_second));
  EXPECT_EQ(calls, 1);
  sigset_t now;
  sigprocmask(SIG_BLOCK, nullptr, &now);
  EXPECT_TRUE(sigismember(&now, SIGUSR1));
}

TEST_F(Action, PauseReturnsAfterAHandler) {
  Pipe ready;
  const pid_t pid = spawn_checked([&] {
    Handler handler(SIGUSR1, count);
    ready.notify();
    EXPECT_ERRNO(EINTR, pause());
    EXPECT_EQ(calls, 1);
  });
  ASSERT_TRUE(ready.wait());
  ASSERT_TRUE(wait_until_blocked(pid));
  ASSERT_OK(kill(pid, SIGUSR1));
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Action, KillErrors) {
  EXPECT_ERRNO(EINVAL, kill(getpid(), 65));
  EXPECT_ERRNO(EINVAL, kill(getpid(), -1));
  EXPECT_ERRNO(ESRCH, kill(0x3fffffff, 0));
  EXPECT_ERRNO(ESRCH, kill(-0x3fffffff, 0));
  EXPECT_OK(kill(getpid(), 0));
  EXPECT_ERRNO(ESRCH, syscall(SYS_tgkill, getpid(), 0x3fffffff, 0));
  EXPECT_ERRNO(ESRCH, syscall(SYS_tgkill, getppid(), gettid(), 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_tgkill, -1, gettid(), 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_tkill, -1, 0));
  EXPECT_OK(syscall(SYS_tkill, gettid(), 0));
}

TEST_F(Action, KillNeedsTheSameUser) {
  const pid_t parent = getpid();
  EXPECT_CHILD({
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(EPERM, kill(parent, 0));
    EXPECT_ERRNO(EPERM, kill(parent, SIGTERM));
    EXPECT_OK(kill(-1, 0));  // to all that it may: nobody
    EXPECT_OK(kill(getpid(), 0));
  });
}

TEST_F(Action, ZombiesCanBeSignalled) {
  const pid_t pid = spawn([] { return 0; });
  ASSERT_TRUE(wait_for_state(pid, 'Z'));
  EXPECT_OK(kill(pid, SIGKILL));
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(Action, ErrnoAndRegistersSurvive) {
  Handler handler(SIGUSR1, [](int) { errno = EXDEV; });
  errno = ENOTTY;
  long result;
  // Every callee-saved and argument register across a signal delivered at the return of a call.
  register long r8 asm("r8") = 0x1111;
  register long r12 asm("r12") = 0x2222;
  asm volatile("syscall"
               : "=a"(result), "+r"(r8), "+r"(r12)
               : "a"(SYS_tgkill), "D"(getpid()), "S"(gettid()), "d"(SIGUSR1)
               : "rcx", "r11", "memory");
  EXPECT_EQ(result, 0);
  EXPECT_EQ(r8, 0x1111);
  EXPECT_EQ(r12, 0x2222);
}

}  // namespace
}  // namespace cv6::guest
