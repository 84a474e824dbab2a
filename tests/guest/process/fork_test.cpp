// fork, vfork, clone and clone3: what the child shares, what it inherits and what it does not.

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#include <atomic>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

int global_value = 1;

long raw_clone3(clone_args& arguments, std::size_t size = sizeof(clone_args)) {
  return syscall(SYS_clone3, &arguments, size);
}

TEST(Fork, ChildHasOwnPidAndItsParent) {
  const pid_t parent = getpid();
  Pipe pipe;
  const pid_t pid = spawn([&] {
    const pid_t ids[2] = {getpid(), getppid()};
    write(pipe.write, ids, sizeof ids);
    return 0;
  });
  ASSERT_OK(pid);
  pid_t ids[2] = {};
  EXPECT_EQ(read(pipe.read, ids, sizeof ids), (ssize_t)sizeof ids);
  EXPECT_EQ(ids[0], pid);
  EXPECT_EQ(ids[1], parent);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Fork, ExitCodeIsLowEightBits) {
  for (const int code : {0, 1, 42, 127, 128, 255}) EXPECT_TRUE(run([&] { return code; }).exited(code));
  EXPECT_TRUE(run([] {
                _exit(256 + 7);
                return 0;
              }).exited(7));
  EXPECT_TRUE(run([] {
                _exit(-1);
                return 0;
              }).exited(255));
}

TEST(Fork, MemoryIsCopiedBothWays) {
  int local = 5;
  global_value = 1;
  EXPECT_CHILD({
    EXPECT_EQ(global_value, 1);
    EXPECT_EQ(local, 5);
    global_value = 2;
    local = 6;
  });
  EXPECT_EQ(global_value, 1);
  EXPECT_EQ(local, 5);
}

TEST(Fork, DescriptorsShareTheirOffset) {
  char name[] = "/tmp/guest-fork-XXXXXX";
  Descriptor file(mkstemp(name));
  ASSERT_OK(file);
  unlink(name);
  EXPECT_CHILD({ EXPECT_EQ(write(file, "child", 5), 5); });
  EXPECT_EQ(lseek(file, 0, SEEK_CUR), 5);
  EXPECT_EQ(write(file, "parent", 6), 6);
  char text[16] = {};
  EXPECT_EQ(pread(file, text, sizeof text, 0), 11);
  EXPECT_STREQ(text, "childparent");
}

TEST(Fork, DescriptorTableIsCopied) {
  Pipe pipe;
  EXPECT_CHILD({
    pipe.read.close();
    pipe.write.close();
  });
  EXPECT_OK(fcntl(pipe.read, F_GETFD));
  EXPECT_OK(fcntl(pipe.write, F_GETFD));
}

TEST(Fork, PendingSignalsAreNotInherited) {
  EXPECT_CHILD({
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    raise(SIGUSR1);
    EXPECT_CHILD({
      sigset_t pending;
      sigset_t blocked;
      EXPECT_OK(sigpending(&pending));
      EXPECT_FALSE(sigismember(&pending, SIGUSR1));
      EXPECT_OK(sigprocmask(SIG_BLOCK, nullptr, &blocked));
      EXPECT_TRUE(sigismember(&blocked, SIGUSR1));
    });
    sigset_t pending;
    sigpending(&pending);
    EXPECT_TRUE(sigismember(&pending, SIGUSR1));
  });
}

TEST(Fork, AlarmsAndTimersAreNotInherited) {
  EXPECT_CHILD({
    alarm(1000);
    const itimerval timer{{0, 0}, {1000, 0}};
    setitimer(ITIMER_VIRTUAL, &timer, nullptr);
    EXPECT_CHILD({
      itimerval left{};
      EXPECT_EQ(alarm(0), 0u);
      EXPECT_OK(getitimer(ITIMER_VIRTUAL, &left));
      EXPECT_EQ(left.it_value.tv_sec, 0);
    });
    EXPECT_GT(alarm(0), 0u);
  });
}

TEST(Fork, TimesOfChildStartAtZero) {
  EXPECT_CHILD({
    volatile unsigned work = 0;
    for (unsigned i = 0; i < 5'000'000; ++i) work = work + i;
    tms before{};
    times(&before);
    EXPECT_CHILD({
      tms own{};
      EXPECT_OK(times(&own));
      EXPECT_EQ(own.tms_cutime, 0);
      EXPECT_EQ(own.tms_cstime, 0);
      EXPECT_LE(own.tms_utime, before.tms_utime);
    });
  });
}

TEST(Fork, ManyChildrenAtOnce) {
  constexpr int count = 100;
  std::vector<pid_t> pids;
  Pipe gate;
  for (int i = 0; i < count; ++i) {
    pids.push_back(spawn([&, i] {
      gate.write.close();
      gate.wait();  // until the parent closes it
      return i;
    }));
    ASSERT_OK(pids.back());
  }
  gate.write.close();
  for (int i = 0; i < count; ++i) EXPECT_TRUE(reap(pids[i]).exited(i));
}

TEST(Fork, NestsDeeply) {
  const std::function<int(int)> descend = [&](int depth) -> int {
    if (depth == 0) return 1;
    const Ending ending = run([&] { return descend(depth - 1); });
    return WIFEXITED(ending.status) ? WEXITSTATUS(ending.status) + 1 : 200;
  };
  EXPECT_EQ(descend(40), 41);
}

TEST(Vfork, ParentWaitsAndSharesMemory) {
  volatile int shared = 0;
  const pid_t pid = vfork();
  if (pid == 0) {
    shared = 7;
    _exit(3);
  }
  ASSERT_OK(pid);
  EXPECT_EQ(shared, 7);
  EXPECT_TRUE(reap(pid).exited(3));
}

TEST(Vfork, ParentGoesOnWhenTheChildIsKilled) {
  const pid_t pid = vfork();
  if (pid == 0) {
    kill(getpid(), SIGKILL);
    _exit(1);
  }
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
}

TEST(Clone, WithoutFlagsIsFork) {
  const long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (pid == 0) _exit(9);
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).exited(9));
}

struct SharedWork {
  std::atomic<int> value{0};
  int fd = -1;
};

int share_everything(void* argument) {
  auto& work = *static_cast<SharedWork*>(argument);
  work.value = 11;
  if (work.fd != -1) close(work.fd);
  return 4;
}

TEST(Clone, VmAndFilesAreShared) {
  Mapping stack(64 * 1024);
  Pipe pipe;
  SharedWork work;
  work.fd = pipe.read.get();
  const int pid = clone(share_everything, stack.as(stack.length()), CLONE_VM | CLONE_FILES | SIGCHLD, &work);
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).exited(4));
  EXPECT_EQ(work.value, 11);
  EXPECT_ERRNO(EBADF, fcntl(pipe.read, F_GETFD));
  pipe.read.release();
}

TEST(Clone, FilesAreCopiedWithoutTheFlag) {
  Mapping stack(64 * 1024);
  Pipe pipe;
  SharedWork work;
  work.fd = pipe.read.get();
  const int pid = clone(share_everything, stack.as(stack.length()), CLONE_VM | SIGCHLD, &work);
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).exited(4));
  EXPECT_OK(fcntl(pipe.read, F_GETFD));
}

int change_directory(void*) { return chdir("/proc") == 0 ? 0 : 1; }

class CloneInDirectory : public TempDir {};

TEST_F(CloneInDirectory, FsIsShared) {
  Mapping stack(64 * 1024);
  const int pid = clone(change_directory, stack.as(stack.length()), CLONE_VM | CLONE_FS | SIGCHLD, nullptr);
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).exited(0));
  char directory[4096];
  EXPECT_STREQ(getcwd(directory, sizeof directory), "/proc");
}

TEST(Clone, ExitSignalIsChosenByTheCaller) {
  const long pid = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, 0);
  if (pid == 0) _exit(2);
  ASSERT_OK(pid);
  int status = 0;
  EXPECT_ERRNO(ECHILD, waitpid(pid, &status, 0));  // a child that reports no SIGCHLD is a "clone" child
  EXPECT_EQ(waitpid(pid, &status, __WCLONE), pid);
  EXPECT_TRUE(Ending{status}.exited(2));
}

TEST(Clone, WallWaitsForCloneChildren) {
  const long pid = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, 0);
  if (pid == 0) _exit(5);
  ASSERT_OK(pid);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, __WALL), pid);
  EXPECT_TRUE(Ending{status}.exited(5));
}

TEST(Clone, TidPointersAreWritten) {
  int parent_tid = 0;
  int child_tid = 0;
  const long pid =
      syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, nullptr, &parent_tid, &child_tid, 0);
  if (pid == 0) _exit(child_tid == getpid() && child_tid == gettid() ? 0 : 1);
  ASSERT_OK(pid);
  EXPECT_EQ(parent_tid, pid);
  EXPECT_EQ(child_tid, 0);  // it was the child's copy that was written
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Clone, ParentFlagMakesASibling) {
  EXPECT_CHILD({
    Pipe pipe;
    const pid_t middle = spawn([&] {
      const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, 0);
      if (pid == 0) _exit(17);
      const int id = pid;
      write(pipe.write, &id, sizeof id);
      return 0;
    });
    EXPECT_TRUE(reap(middle).exited(0));
    int sibling = -1;
    ASSERT_EQ(read(pipe.read, &sibling, sizeof sibling), (ssize_t)sizeof sibling);
    EXPECT_TRUE(reap(sibling).exited(17));
  });
}

TEST(Clone, RefusesFlagsThatNeedOthers) {
  EXPECT_ERRNO(EINVAL, syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, nullptr, nullptr, nullptr, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_clone, CLONE_THREAD | SIGCHLD, nullptr, nullptr, nullptr, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_clone, CLONE_THREAD | CLONE_VM | SIGCHLD, nullptr, nullptr, nullptr, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

TEST(Clone3, ForksWithExitSignal) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  const long pid = raw_clone3(arguments);
  if (pid == 0) _exit(21);
  ASSERT_OK(pid);
  EXPECT_TRUE(reap(pid).exited(21));
}

TEST(Clone3, WritesParentTid) {
  int tid = 0;
  clone_args arguments{};
  arguments.flags = CLONE_PARENT_SETTID;
  arguments.parent_tid = reinterpret_cast<std::uintptr_t>(&tid);
  arguments.exit_signal = SIGCHLD;
  const long pid = raw_clone3(arguments);
  if (pid == 0) _exit(0);
  ASSERT_OK(pid);
  EXPECT_EQ(tid, pid);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(Clone3, ClearSighandResetsHandlersOnly) {
  EXPECT_CHILD({
    signal(SIGUSR1, [](int) {});
    signal(SIGUSR2, SIG_IGN);
    clone_args arguments{};
    arguments.flags = CLONE_CLEAR_SIGHAND;
    arguments.exit_signal = SIGCHLD;
    const long pid = raw_clone3(arguments);
    if (pid == 0) {
      struct sigaction first{};
      struct sigaction second{};
      sigaction(SIGUSR1, nullptr, &first);
      sigaction(SIGUSR2, nullptr, &second);
      _exit(first.sa_handler == SIG_DFL && second.sa_handler == SIG_IGN ? 0 : 1);
    }
    ASSERT_OK(pid);
    EXPECT_TRUE(reap(pid).exited(0));
  });
}

TEST(Clone3, RefusesWrongArguments) {
  clone_args arguments{};
  EXPECT_ERRNO(EINVAL, raw_clone3(arguments, 63));  // below CLONE_ARGS_SIZE_VER0
  EXPECT_ERRNO(E2BIG, raw_clone3(arguments, 2 * page_size));
  arguments.exit_signal = 65;
  EXPECT_ERRNO(EINVAL, raw_clone3(arguments));
  arguments = {};
  arguments.flags = SIGCHLD;  // the signal's place in clone is no flag in clone3
  EXPECT_ERRNO(EINVAL, raw_clone3(arguments));
  arguments = {};
  arguments.stack = 0x1000;  // a stack without a size
  EXPECT_ERRNO(EINVAL, raw_clone3(arguments));
  EXPECT_ERRNO(EFAULT, syscall(SYS_clone3, wild(), sizeof(clone_args)));
}

}  // namespace
}  // namespace cv6::guest
