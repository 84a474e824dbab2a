// Containers that end while their processes do everything else at once.

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/soak.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerRaces : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    write_file("file", "text");
  }
};

// Lets others get on a little further each round. (One yield may be a whole slice of each busy process.)
void pass_time(int round) {
  if (round % 4 != 0) sched_yield();
  for (int i = 0; i < round * 200; ++i) getppid();
}

// Destroys containers in which `life` goes on, each a little later in that life than the one before.
void destroy_during(int rounds, const std::function<void()>& life, const ContainerCreate& wanted = {}) {
  for (int round = 0; round < times(rounds, 1000); ++round) {
    Box box(wanted);
    Pipe begun;
    std::vector<pid_t> joined;
    for (int i = 0; i < 2; ++i)
      joined.push_back(box.start([&] {
        begun.notify();
        for (;;) life();
      }));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(begun.wait());
    pass_time(round % 30);
    box.destroy();
    for (const pid_t pid : joined) {
      const Ending ending = reap(pid);
      EXPECT_TRUE(ending.killed_by(SIGKILL)) << ending;
    }
  }
}

TEST_F(ContainerRaces, DestroyAndFork) {
  destroy_during(6, [] {
    const pid_t child = fork();
    if (child == 0) {
      if (fork() == 0) sched_yield();  // an orphan
      _exit(0);
    }
    if (child > 0) waitpid(child, nullptr, 0);
  });
}

// A container two below is made by one that is not marked yet, and filled: it must go with the others.
TEST_F(ContainerRaces, DestroyAndCreateBelow) {
  const auto life = [] {
    const int below = create_container(nesting());
    const pid_t child = fork();
    if (child == 0) {
      if (below < 0 || join_container(below) != 0) _exit(0);
      for (int i = 0; i < 3; ++i)
        if (const int lowest = create_container(ContainerCreate{}); lowest >= 0) spawn_helper(lowest, "container-pause");
      _exit(0);
    }
    if (child > 0) waitpid(child, nullptr, 0);
    if (below >= 0) destroy_container(below);
  };
  destroy_during(6, life, nesting());
}

// Signals come to frozen processes as well, and are dealt with: also at the moment when they are killed.
TEST_F(ContainerRaces, DestroyFrozen) {
  for (int round = 0; round < times(40, 2000); ++round) {
    Box box;
    Pipe begun;
    std::vector<pid_t> joined;
    for (int i = 0; i < 4; ++i)
      joined.push_back(box.start([&] {
        signal(SIGALRM, [](int) {});
        const itimerval often{{0, 20}, {0, 20}};
        setitimer(ITIMER_REAL, &often, nullptr);
        begun.notify();
        for (;;) getppid();
      }));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(begun.wait());
    ContainerScheduling freeze;
    freeze.id = box.id();
    freeze.change = ContainerScheduling::freezing;
    freeze.frozen = 1;
    ASSERT_OK(container_scheduling(freeze));
    pass_time(round % 10);
    box.destroy();
    for (const pid_t pid : joined) EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  }
}

TEST_F(ContainerRaces, DestroyAndVfork) {
  destroy_during(6, [] {
    const pid_t child = vfork();
    if (child == 0) _exit(0);
    if (child > 0) waitpid(child, nullptr, 0);
  });
}

TEST_F(ContainerRaces, DestroyAndExec) {
  char program[300] = {};
  ASSERT_GT(readlink("/proc/self/exe", program, sizeof program - 1), 0);
  destroy_during(6, [&] {
    const pid_t child = fork();
    if (child == 0) {
      execl(program, "guest-tests", "--helper", "container-exit", "0", nullptr);
      _exit(9);
    }
    if (child > 0) waitpid(child, nullptr, 0);
  });
}

TEST_F(ContainerRaces, DestroyAndThreads) {
  destroy_during(6, [] {
    std::thread first([] { sched_yield(); });
    std::thread second([] { getppid(); });
    first.join();
    second.join();
  });
}

TEST_F(ContainerRaces, DestroyAndFiles) {
  destroy_during(6, [] {
    const std::string own = "own" + std::to_string(getpid());
    write_file(own, "text");
    const Descriptor file = open_file("file", O_RDWR);
    EXPECT_EQ(pwrite(file, "X", 1, 0), 1);
    mkdir("directory", 0755);
    rename(own.c_str(), "directory/file");
    unlink("directory/file");
    rmdir("directory");
  });
}

TEST_F(ContainerRaces, DestroyAndPageFaults) {
  const Descriptor file = open_file("file", O_RDWR);
  ASSERT_OK(ftruncate(file, 32 * page_size));
  destroy_during(6, [] {
    const Descriptor own = open_file("file", O_RDWR);
    Mapping anonymous(32 * page_size);
    Mapping shared(32 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, own);
    Mapping copied(32 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, own);
    for (int i = 0; i < 32; ++i) {
      anonymous.as()[i * page_size] = 1;
      shared.as()[i * page_size] = 1;
      copied.as()[i * page_size] = 1;
    }
  });
}

TEST_F(ContainerRaces, DestroyAndPipes) {
  destroy_during(6, [] {
    Pipe pipe;
    const pid_t child = fork();
    if (child == 0) {
      pipe.wait();
      _exit(0);
    }
    pipe.notify();
    if (child > 0) waitpid(child, nullptr, 0);
  });
}

// Who comes in while the container ends is refused, or ends with it; never left behind.
TEST_F(ContainerRaces, DestroyAndJoinAndLeave) {
  for (int round = 0; round < times(10, 1000); ++round) {
    const int id = create_container({});
    ASSERT_OK(id);
    std::vector<pid_t> movers;
    for (int i = 0; i < 3; ++i)
      movers.push_back(spawn([=] {
        while (join_container(id) == 0) {
          write_file("moved", "x");
          if (leave_container() != 0) return 3;
        }
        return errno == ESRCH && cid() == host_container ? 0 : 4;
      }));
    pass_time(round % 30);
    ASSERT_OK(destroy_container(id));
    for (const pid_t pid : movers) {
      const Ending ending = reap(pid);
      EXPECT_TRUE(ending.killed_by(SIGKILL) || ending.exited(0)) << ending;
    }
  }
}

// What is listed may be closed between the look at its number and the look at the file.
TEST_F(ContainerRaces, ListDescriptorsThatComeAndGo) {
  Box box;
  Pipe ready;
  const pid_t opener = box.start([&] {
    ready.notify();
    for (;;) close(dup(0));
  });
  ready.wait();
  const std::string folder = "/proc/" + std::to_string(opener) + "/fdinfo/";
  for (int round = 0; round < times(300); ++round) {
    ContainerDescriptor one;
    one.id = box.id();
    while (container_descriptor(one) == 0) read_file(folder + std::to_string(one.descriptor + 1));
    ASSERT_EQ(errno, ESRCH);
  }
  kill(opener, SIGKILL);
  EXPECT_TRUE(reap(opener).killed_by(SIGKILL));
}

// A process goes in and out of containers that are gone at once, while others read about it and send it signals.
TEST_F(ContainerRaces, LookAtAndSignalWhoMoves) {
  Pipe ready;
  const pid_t mover = spawn_checked([&] {
    signal(SIGUSR1, [](int) {});
    ready.notify();
    for (int round = 0; round < times(200); ++round) {
      const int id = create_container({});
      ASSERT_OK(id);
      ASSERT_OK(join_container(id));
      ASSERT_OK(leave_container());
      ASSERT_OK(destroy_container(id));
    }
  });
  ASSERT_TRUE(ready.wait());
  const pid_t signaller = spawn([=] {
    while (kill(mover, SIGUSR1) == 0) sched_yield();
    return 0;
  });
  int status = 0;
  while (waitpid(mover, &status, WNOHANG) == 0) read_file("/proc/" + std::to_string(mover) + "/status");
  const Ending ending{status};
  EXPECT_TRUE(ending.exited(0)) << ending;
  EXPECT_TRUE(reap(signaller).exited(0));
}

TEST_F(ContainerRaces, DestroyAndSpawn) {
  for (int round = 0; round < times(10, 1000); ++round) {
    const int id = create_container({});
    ASSERT_OK(id);
    std::vector<pid_t> spawners;
    for (int i = 0; i < 2; ++i)
      spawners.push_back(spawn([=] {
        for (;;) {
          const pid_t pid = spawn_helper(id, "container-pause");
          if (pid < 0) break;
          kill(pid, SIGKILL);
          if (!reap(pid).killed_by(SIGKILL)) return 3;
        }
        return errno == ESRCH ? 0 : 4;
      }));
    pass_time(round % 30);
    ASSERT_OK(destroy_container(id));
    for (const pid_t pid : spawners) {
      const Ending ending = reap(pid);
      EXPECT_TRUE(ending.exited(0)) << ending;
    }
  }
}

// A log that is turned on while the container goes, on the container's own console: neither keeps the other.
TEST_F(ContainerRaces, DestroyAndLogDecisionsOnItsConsole) {
  const ObjectCounts before = count_objects();
  for (int round = 0; round < times(100, 3000); ++round) {
    Box box;
    Pipe begun;
    const pid_t logger = spawn([&, id = box.id()] {
      const Descriptor console(open_container_console({id, ContainerConsoleOpen::write_output}));
      if (console < 0) return 3;
      begun.notify();
      ContainerScheduling log;
      log.id = id;
      log.change = ContainerScheduling::logging;
      log.log_to = console;
      do log.log = !log.log;
      while (container_scheduling(log) == 0);
      return errno == ESRCH ? 0 : 4;
    });
    ASSERT_TRUE(begun.wait());
    pass_time(round % 30);
    box.destroy();
    const Ending ending = reap(logger);
    EXPECT_TRUE(ending.exited(0)) << ending;
  }
  EXPECT_TRUE(wait_until([&] { return count_objects()["container"] == before.at("container"); }))
      << growth(before, count_objects());
}

TEST_F(ContainerRaces, JoinAndLeaveFromManyProcesses) {
  Box box;
  std::vector<pid_t> movers;
  for (int i = 0; i < 6; ++i)
    movers.push_back(spawn([&] {
      for (int round = 0; round < times(60, 2000); ++round) {
        if (join_container(box.id()) != 0) return 1;
        if (cid() != box.id() || getpid() <= 0) return 2;
        if (round % 8 == 0 && !run([] { return 4; }).exited(4)) return 3;
        if (leave_container() != 0) return 4;
        if (cid() != host_container) return 5;
      }
      return 0;
    }));
  for (const pid_t pid : movers) {
    const Ending ending = reap(pid);
    EXPECT_TRUE(ending.exited(0)) << ending;
  }
  EXPECT_EQ(box.processes(), 0u);
}

// Signals and a stop while the threads of a process that moves stand still.
TEST_F(ContainerRaces, SignalsWhileMoving) {
  Box box;
  Pipe begun;
  const pid_t mover = spawn_checked([&] {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([&] {
        while (!stop) sched_yield();
      });
    begun.notify();
    for (int i = 0; i < times(100); ++i) {
      ASSERT_OK(join_container(box.id()));
      ASSERT_OK(leave_container());
    }
    stop = true;
    for (auto& thread : threads) thread.join();
  });
  ASSERT_TRUE(begun.wait());
  while (!has_ended(mover)) {
    kill(mover, SIGSTOP);
    kill(mover, SIGCONT);
  }
  EXPECT_TRUE(reap(mover).exited(0));
}

TEST_F(ContainerRaces, KillWhileMoving) {
  Box box;
  for (int round = 0; round < times(10, 1000); ++round) {
    Pipe begun;
    const pid_t mover = spawn_checked([&] {
      std::vector<std::thread> threads;
      for (int i = 0; i < 3; ++i)
        threads.emplace_back([] {
          for (;;) sched_yield();
        });
      begun.notify();
      for (;;) {
        join_container(box.id());
        leave_container();
      }
    });
    ASSERT_TRUE(begun.wait());
    pass_time(round % 30);
    ASSERT_OK(kill(mover, SIGKILL));
    EXPECT_TRUE(reap(mover).killed_by(SIGKILL));
  }
  EXPECT_TRUE(wait_until([&] { return box.processes() == 0; }));
}

TEST_F(ContainerRaces, ExecWhileAnotherThreadMoves) {
  Box box;
  char program[300] = {};
  ASSERT_GT(readlink("/proc/self/exe", program, sizeof program - 1), 0);
  for (int round = 0; round < times(10, 1000); ++round) {
    const Ending ending = run([&]() -> int {
      std::thread([&] {
        for (;;) {
          join_container(box.id());
          leave_container();
        }
      }).detach();
      pass_time(round % 30);
      execl(program, "guest-tests", "--helper", "container-exit", "5", nullptr);
      return 9;
    });
    EXPECT_TRUE(ending.exited(5)) << ending;
  }
  EXPECT_EQ(box.processes(), 0u);
}

}  // namespace
}  // namespace cv6::guest
