// Joining a container.

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerJoin : public ContainersAndFiles {};

// A partner in the given things that waits for the end of the pipe.
pid_t clone_sharing(int flags, Pipe& until) {
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
  if (pid != 0) return pid;
  until.write.close();
  char byte;
  ::read(until.read, &byte, 1);
  _exit(0);
}

TEST_F(ContainerJoin, MovesTheCaller) {
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_EQ(cid(), box.id());
    struct stat status;
    EXPECT_OK(stat(path().c_str(), &status));
  });
  EXPECT_EQ(cid(), host_container);
  EXPECT_EQ(box.processes(), 0u);
  EXPECT_EQ(box.stat().state, ContainerState::ready);
}

TEST_F(ContainerJoin, OneAtATime) {
  Box box;
  Box other;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(ESRCH, join_container(other.id()));  // not seen from inside
    EXPECT_ERRNO(ESRCH, join_container(box.id()));
    EXPECT_EQ(cid(), box.id());
  });
}

TEST_F(ContainerJoin, AgainAfterLeaving) {
  Box box;
  Box other;
  EXPECT_CHILD({
    for (int i = 0; i < 20; ++i) {
      const int id = i % 2 ? box.id() : other.id();
      ASSERT_OK(join_container(id));
      ASSERT_EQ(cid(), id);
      ASSERT_OK(leave_container());
      ASSERT_EQ(cid(), host_container);
    }
  });
}

TEST_F(ContainerJoin, RefusedWhileMemoryIsShared) {
  Box box;
  EXPECT_CHILD({
    // The partner runs on a stack of its own: it is a copy of nothing.
    Mapping stack(16 * page_size);
    Pipe until;
    struct Argument {
      int fd;
    } argument{until.read};
    const int pid = clone(
        [](void* at) {
          char byte;
          ::read(static_cast<Argument*>(at)->fd, &byte, 1);
          return 0;
        },
        stack.page(16), CLONE_VM | SIGCHLD, &argument);
    ASSERT_OK(pid);
    EXPECT_ERRNO(EINVAL, join_container(box.id()));
    EXPECT_EQ(cid(), host_container);
    until.notify();
    reap(pid);
    EXPECT_OK(join_container(box.id()));
  });
}

TEST_F(ContainerJoin, RefusedWhileDescriptorsAreShared) {
  Box box;
  for (const int flags : {CLONE_FILES, CLONE_FS}) {
    EXPECT_CHILD({
      Pipe until;
      Pipe ended;
      const pid_t pid = static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
      if (pid == 0) {
        char byte;
        ::read(until.read, &byte, 1);
        _exit(0);
      }
      ASSERT_OK(pid);
      EXPECT_ERRNO(EINVAL, join_container(box.id()));
      until.notify();
      reap(pid);
      EXPECT_OK(join_container(box.id()));
    });
  }
}

TEST_F(ContainerJoin, RefusedForAVforkChildAndItsParent) {
  Box box;
  EXPECT_CHILD({
    volatile int result = 0;
    volatile int error = 0;
    const pid_t pid = vfork();
    if (pid == 0) {
      result = join_container(box.id());
      error = errno;
      _exit(0);
    }
    reap(pid);
    EXPECT_EQ(result, -1);
    EXPECT_EQ(error, EINVAL);
  });
}

TEST_F(ContainerJoin, RefusedAsLeavingIsWhileShared) {
  Box box;
  EXPECT_INSIDE(box, {
    Pipe until;
    const pid_t partner = clone_sharing(CLONE_FS, until);
    ASSERT_OK(partner);
    EXPECT_ERRNO(EINVAL, leave_container());
    EXPECT_EQ(cid(), box.id());
    until.write.close();
    reap(partner);
    EXPECT_OK(leave_container());
  });
}

TEST_F(ContainerJoin, TakesAllThreadsAlong) {
  Box box;
  EXPECT_CHILD({
    Pipe go;
    Pipe arrived;
    std::atomic<int> inside{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        arrived.notify();
        go.wait();
        inside += cid() == box.id() && gettid() > 0;
        struct stat status;
        inside += stat("/proc/self/task", &status) == 0;
      });
    for (int i = 0; i < 4; ++i) arrived.wait();
    ASSERT_OK(join_container(box.id()));
    for (int i = 0; i < 4; ++i) go.notify();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(inside, 8);
  });
}

TEST_F(ContainerJoin, OpenFilesStayUsable) {
  Box box;
  write_file("file", "outside");
  const Descriptor file = open_file("file", O_RDWR);
  EXPECT_INSIDE(box, {
    char text[8] = {};
    EXPECT_EQ(pread(file, text, 7, 0), 7);
    EXPECT_STREQ(text, "outside");
    EXPECT_EQ(pwrite(file, "OUT", 3, 0), 3);
  });
  EXPECT_EQ(read_file("file"), "OUTside");
}

TEST_F(ContainerJoin, TheWorkingDirectoryIsTheSamePathInside) {
  Box box;
  const std::string here = path();
  EXPECT_INSIDE(box, {
    char text[512];
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_EQ(text, here);
    write_file("local", "x");
    EXPECT_TRUE(exists(here + "/local"));
  });
  EXPECT_FALSE(exists("local"));
}

TEST_F(ContainerJoin, OrTheRootWhereThatIsMissing) {
  Box box;
  ASSERT_OK(mkdir("deep", 0755));
  EXPECT_INSIDE(box, EXPECT_OK(rmdir(path("deep").c_str())));
  EXPECT_CHILD({
    ASSERT_OK(chdir("deep"));
    ASSERT_OK(join_container(box.id()));
    char text[512];
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_STREQ(text, "/");
  });
  // Removed outside.
  EXPECT_CHILD({
    ASSERT_OK(chdir("deep"));
    ASSERT_OK(rmdir(path("deep").c_str()));
    ASSERT_OK(join_container(box.id()));
    char text[512];
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_STREQ(text, "/");
  });
}

TEST_F(ContainerJoin, ForkAndExecStayInside) {
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_CHILD({
      EXPECT_EQ(cid(), box.id());
      EXPECT_CHILD(EXPECT_EQ(cid(), box.id()));
    });
    Pipe out;
    const pid_t child = spawn([&]() -> int {
      dup2(out.write, 1);
      char program[512] = {};
      readlink("/proc/self/exe", program, sizeof program - 1);
      execl(program, "guest-tests", "--helper", "container-tell", nullptr);
      return 9;
    });
    out.write.close();
    const std::string text = read_to_end(out.read);
    int pid = 0;
    int parent = 0;
    int container = -5;
    sscanf(text.c_str(), "%d %d %d", &pid, &parent, &container);
    EXPECT_EQ(container, box.id());
    EXPECT_EQ(pid, child);
    EXPECT_EQ(parent, getpid());
    EXPECT_TRUE(reap(child).exited(0));
  });
}

}  // namespace
}  // namespace cv6::guest
