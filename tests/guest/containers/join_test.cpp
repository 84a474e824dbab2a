// Joining a container and leaving it.

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

class ContainerJoin : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    if (!has_containers()) GTEST_SKIP() << "containers are calls of cv6";
  }
};
class ContainerLeave : public ContainerJoin {};

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
    char text[600] = {};
    ASSERT_GT(::read(out.read, text, sizeof text - 1), 0);
    int pid = 0;
    int parent = 0;
    int container = -5;
    sscanf(text, "%d %d %d", &pid, &parent, &container);
    EXPECT_EQ(container, box.id());
    EXPECT_EQ(pid, child);
    EXPECT_EQ(parent, getpid());
    EXPECT_TRUE(reap(child).exited(0));
  });
}

TEST_F(ContainerLeave, OnTheHostIsESRCH) { EXPECT_ERRNO(ESRCH, leave_container()); }

TEST_F(ContainerLeave, EndsOneThatLivesInside) {
  Box box;
  EXPECT_INSIDE(box, {
    const Ending ending = run([] {
      leave_container();
      return 9;
    });
    EXPECT_TRUE(ending.exited(0)) << ending;
    EXPECT_EQ(cid(), box.id());
  });
  const pid_t spawned = spawn_helper(box.id(), "container-leave");
  ASSERT_OK(spawned);
  EXPECT_TRUE(reap(spawned).exited(0));
}

TEST_F(ContainerLeave, EndsAllThreadsOfOneThatLivesInside) {
  Box box;
  EXPECT_INSIDE(box, {
    const Ending ending = run([] {
      std::thread([] {
        for (;;) pause();
      }).detach();
      std::thread([] { leave_container(); }).join();
      return 9;
    });
    EXPECT_TRUE(ending.exited(0)) << ending;
  });
}

TEST_F(ContainerLeave, ClosesFilesOpenedInside) {
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    const int before = ::open("file", O_RDONLY);
    ASSERT_OK(join_container(box.id()));
    const int inside = ::open("file", O_RDONLY);
    const int directory = ::open(".", O_RDONLY | O_DIRECTORY);
    const int path_only = ::open("file", O_PATH);
    const int copy = fcntl(inside, F_DUPFD, 500);
    const int processes = ::open("/proc/self/status", O_RDONLY);
    const int device = ::open("/dev/null", O_RDWR);
    ASSERT_OK(inside);
    ASSERT_OK(directory);
    ASSERT_OK(path_only);
    ASSERT_OK(copy);
    ASSERT_OK(processes);
    ASSERT_OK(device);
    ASSERT_OK(leave_container());
    for (const int fd : {inside, directory, path_only, copy, processes, device}) EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
    EXPECT_OK(fcntl(before, F_GETFD));
  });
}

TEST_F(ContainerLeave, ClosesThemWhereverTheyCameFrom) {
  // A descriptor table shared by threads, and a file that a resident opened cannot come in: there are no sockets to pass
  // one. What fork copied goes the same way.
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    int fd = -1;
    std::thread([&] { fd = ::open("file", O_RDWR); }).join();
    ASSERT_OK(fd);
    std::thread([&] { EXPECT_OK(leave_container()); }).join();
    EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
  });
}

TEST_F(ContainerLeave, RemovesMappingsOfThem) {
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    const int before = ::open("file", O_RDWR);
    Mapping outside(page_size, PROT_READ, MAP_SHARED, before);
    Mapping anonymous(page_size);
    *anonymous.as() = 'a';
    ASSERT_OK(join_container(box.id()));
    const int fd = ::open("file", O_RDWR);
    Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    Mapping own(page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    ASSERT_TRUE(shared.ok() && own.ok());
    Mapping kept(page_size);
    *kept.as() = 'k';
    *shared.as() = 'T';
    *own.as() = 'O';
    ::close(fd);
    ASSERT_OK(leave_container());
    unsigned char resident[1];
    EXPECT_ERRNO(ENOMEM, mincore(shared.page(0), page_size, resident));
    EXPECT_ERRNO(ENOMEM, mincore(own.page(0), page_size, resident));
    EXPECT_EQ(*outside.as(), 't');
    EXPECT_EQ(*anonymous.as(), 'a');
    EXPECT_EQ(*kept.as(), 'k');
    EXPECT_KILLED_BY(SIGSEGV, *static_cast<volatile char*>(shared.as()) = 1);
  });
}

TEST_F(ContainerLeave, RestoresTheDirectories) {
  Box box;
  ASSERT_OK(mkdir("root", 0755));
  ASSERT_OK(mkdir("root/below", 0755));
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    ASSERT_OK(chdir("/proc"));
    ASSERT_OK(leave_container());
    char text[512];
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_EQ(text, path());
    // One that has changed its root.
    ASSERT_OK(chroot("root"));
    ASSERT_OK(chdir("/below"));
    ASSERT_OK(join_container(box.id()));
    EXPECT_TRUE(exists("/proc/self"));
    ASSERT_OK(leave_container());
    EXPECT_FALSE(exists("/proc/self"));
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_STREQ(text, "/below");
  });
}

TEST_F(ContainerLeave, KeepsPipesAndMemory) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    Pipe pipe;
    pipe.notify();
    ASSERT_OK(leave_container());
    EXPECT_TRUE(pipe.wait());
  });
}

TEST_F(ContainerLeave, TheContainerMayGoAfterwards) {
  EXPECT_CHILD({
    Box box;
    ASSERT_OK(join_container(box.id()));
    Mapping mapping(64 * page_size);
    memset(mapping.as(), 7, mapping.length());
    ASSERT_OK(leave_container());
    box.destroy();
    for (std::size_t at = 0; at < mapping.length(); ++at) ASSERT_EQ(mapping.as()[at], 7);
  });
}

// Threads that are made, that call and that fault while others join and leave: all of them end up where the process is.
TEST_F(ContainerJoin, RacesWithThreadsThatAreMade) {
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::vector<std::thread> makers;
    for (int i = 0; i < 3; ++i)
      makers.emplace_back([&] {
        while (!stop) {
          std::thread([&] { wrong += gettid() <= 0; }).join();
          Mapping mapping(4 * page_size);
          mapping.as()[page_size] = 1;
        }
      });
    for (int i = 0; i < 60; ++i) {
      ASSERT_OK(join_container(box.id()));
      EXPECT_EQ(cid(), box.id());
      std::thread([&] { wrong += cid() != box.id() || gettid() <= 0; }).join();
      ASSERT_OK(leave_container());
      std::thread([&] { wrong += cid() != host_container || gettid() <= 0; }).join();
    }
    stop = true;
    for (auto& maker : makers) maker.join();
    EXPECT_EQ(wrong, 0);
  });
  EXPECT_EQ(box.processes(), 0u);
}

// A child of fork is where its parent was at one moment: container, number and files agree.
TEST_F(ContainerJoin, RacesWithFork) {
  Box box;
  EXPECT_INSIDE(box, write_file("mark", "inside"));
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::thread forker([&] {
      while (!stop) {
        const pid_t pid = fork();
        if (pid == 0) {
          struct stat status;
          const bool inside = cid() == box.id();
          const bool sees = stat("mark", &status) == 0;
          _exit(getpid() <= 0 ? 1 : inside != sees ? 2 : 0);
        }
        if (pid < 0) {
          ++wrong;
          continue;
        }
        // Its parent sees it only where it is itself.
        int status = 0;
        pid_t got;
        while ((got = waitpid(-1, &status, 0)) == -1 && (errno == ECHILD || errno == EINTR) && !stop) {
        }
        if (got > 0 && status != 0) {
          printf("a child %s %d\n", WIFEXITED(status) ? "exited with" : "got", WIFEXITED(status) ? WEXITSTATUS(status) : status);
          ++wrong;
        }
      }
    });
    for (int i = 0; i < 100; ++i) {
      ASSERT_OK(join_container(box.id()));
      ASSERT_OK(leave_container());
    }
    stop = true;
    forker.join();
    EXPECT_EQ(wrong, 0);
  });
}

// The directory that chdir found outside must not become the working directory inside.
TEST_F(ContainerJoin, RacesWithChdirAndOpen) {
  Box box;
  ASSERT_OK(mkdir("directory", 0755));
  const std::string target = path("directory");
  EXPECT_CHILD({
    std::atomic<bool> stop{false};
    std::thread mover([&] {
      while (!stop) {
        chdir(target.c_str());
        const int fd = ::open(target.c_str(), O_RDONLY | O_DIRECTORY);
        if (fd >= 0) ::close(fd);
      }
    });
    for (int i = 0; i < 200; ++i) {
      ASSERT_OK(join_container(box.id()));
      struct stat status;
      ASSERT_OK(stat(".", &status));
      ASSERT_OK(leave_container());
      ASSERT_OK(stat(".", &status));
    }
    stop = true;
    mover.join();
  });
}

TEST_F(ContainerJoin, ThreadsAsleepSleepOn) {
  Box box;
  EXPECT_CHILD({
    Pipe pipe;
    std::atomic<bool> woken{false};
    std::atomic<pid_t> reader_id{0};
    std::thread reader([&] {
      reader_id = gettid();
      char byte;
      EXPECT_EQ(::read(pipe.read, &byte, 1), 1);  // not EINTR
      woken = true;
    });
    ASSERT_TRUE(wait_until([&] { return reader_id != 0; }));
    ASSERT_TRUE(wait_until_blocked(reader_id));
    for (int i = 0; i < 50; ++i) {
      ASSERT_OK(join_container(box.id()));
      ASSERT_OK(leave_container());
    }
    EXPECT_FALSE(woken);
    pipe.notify();
    reader.join();
  });
}

TEST_F(ContainerJoin, SeveralThreadsAtOnce) {
  Box box;
  EXPECT_CHILD({
    for (int round = 0; round < 30; ++round) {
      std::atomic<int> joined{0};
      std::atomic<int> other{0};
      std::vector<std::thread> threads;
      for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
          if (join_container(box.id()) == 0)
            ++joined;
          else if (errno != EBUSY && errno != ESRCH)
            ++other;
        });
      for (auto& thread : threads) thread.join();
      EXPECT_EQ(joined, 1);
      EXPECT_EQ(other, 0);
      ASSERT_OK(leave_container());
    }
  });
}

}  // namespace
}  // namespace cv6::guest
