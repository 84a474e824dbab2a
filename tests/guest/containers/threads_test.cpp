// A process with several threads joins and leaves, whatever they do at that moment.

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
#include "support/signals.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerThreads : public ContainersAndFiles {};

// Threads that are made, that call and that fault while others join and leave: all of them end up where the process is.
TEST_F(ContainerThreads, RacesWithThreadsThatAreMade) {
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
TEST_F(ContainerThreads, RacesWithFork) {
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
          printf("a child %s %d\n", WIFEXITED(status) ? "exited with" : "got",
                 WIFEXITED(status) ? WEXITSTATUS(status) : status);
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
TEST_F(ContainerThreads, RacesWithChdirAndOpen) {
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

TEST_F(ContainerThreads, ThreadsAsleepSleepOn) {
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

// With and without an end to it, the wait goes on where the process is then.
TEST_F(ContainerThreads, ThreadsThatWaitForSignalsWaitOn) {
  Box box;
  EXPECT_CHILD({
    Blocked blocked{SIGUSR1};
    const timespec limit{limit_seconds(), 0};
    for (const timespec* end : {static_cast<const timespec*>(nullptr), &limit}) {
      std::atomic<pid_t> id{0};
      std::thread waiting([&] {
        id = gettid();
        EXPECT_EQ(sigtimedwait(&blocked.set(), nullptr, end), SIGUSR1);
      });
      ASSERT_TRUE(wait_until([&] { return id != 0; }));
      ASSERT_TRUE(wait_until_blocked(id));
      for (int i = 0; i < 20; ++i) {
        ASSERT_OK(join_container(box.id()));
        ASSERT_OK(leave_container());
      }
      EXPECT_OK(kill(getpid(), SIGUSR1));
      waiting.join();
    }
  });
}

TEST_F(ContainerThreads, SeveralThreadsAtOnce) {
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
