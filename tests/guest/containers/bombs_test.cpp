// Bombs: programs that take all they can get and never stop. While one goes off in a container that has limits, the host
// answers as ever; when the container is destroyed, all that it had is there again.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>

#include "support/clock.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr int detonators = 4;

struct Size {
  long enough = detonators;  // refusals
  std::uint64_t processes = 200;
};

class ContainerBombs : public ContainersAndFiles {
 protected:
  static constexpr int answers = 5;
  static constexpr long at_once = 2'000;  // milliseconds, on an emulated machine that others use too

  // How often the bomb was told that there is no more.
  using Refusals = std::atomic<long>;

  static long milliseconds() { return now() / 1'000'000; }

  // `bomb` is called again and again by several processes inside.
  static void survive(const std::function<void(Refusals&)>& bomb, Size size = {}) {
    const Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    auto& refusals = *new (shared.as<void>()) Refusals(0);
    const ObjectCounts before = lasting(count_objects());
    {
      Box box(nesting());
      box.set_limit(ContainerLimit::Kind::processes, size.processes);
      box.set_limit(ContainerLimit::Kind::memory, 48 << 20);
      box.set_limit(ContainerLimit::Kind::disk, 8 << 20);
      box.set_limit(ContainerLimit::Kind::open_files, 3000);
      pid_t children[detonators];
      for (pid_t& child : children)
        child = spawn([&]() -> int {
          if (join_container(box.id()) != 0) return 1;
          ++refusals, --refusals, errno = 0;  // these pages are there from now on
          for (;;) bomb(refusals);
        });
      EXPECT_TRUE(wait_until([&] { return refusals >= size.enough; })) << refusals;
      long longest = 0;
      for (int i = 0; i < answers; ++i) {
        const long begin = milliseconds();
        EXPECT_TRUE(run([] { return execl("/bin/busybox", "true", nullptr); }).exited(0));
        longest = std::max(longest, milliseconds() - begin);
      }
      EXPECT_LT(longest, at_once);
      box.destroy();
      for (const pid_t child : children) reap(child);
    }
    ObjectCounts after;
    EXPECT_TRUE(wait_until([&] { return growth(before, after = lasting(count_objects())).empty(); })) << growth(before, after);
  }
};

TEST_F(ContainerBombs, OfProcesses) {
  survive([](Refusals& refusals) {
    if (fork() == -1) ++refusals;
  });
}

TEST_F(ContainerBombs, OfMemory) {
  survive([](Refusals& refusals) {
    const pid_t child = fork();
    if (child == 0)
      for (std::size_t size = 1 << 20;;) {
        auto* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (memory == MAP_FAILED) _exit(1);
        for (std::size_t at = 0; at < size; at += page_size) memory[at] = 1;
      }
    int status;
    if (child == -1 || (waitpid(child, &status, 0) == child && WIFSIGNALED(status))) ++refusals;
  });
}

TEST_F(ContainerBombs, OfDisk) {
  survive([](Refusals& refusals) {
    static char bytes[1 << 16];
    char name[32];
    snprintf(name, sizeof name, "disk%d", getpid());
    const Descriptor file = open_file(name, O_WRONLY | O_CREAT | O_APPEND);
    if (file < 0 || write(file, bytes, sizeof bytes) != sizeof bytes) ++refusals;
  });
}

TEST_F(ContainerBombs, OfDescriptors) {
  survive([](Refusals& refusals) {
    if (dup(STDERR_FILENO) == -1) ++refusals;
  });
}

TEST_F(ContainerBombs, OfSignals) {
  survive(
      [](Refusals& refusals) {
        signal(SIGUSR1, [](int) {});
        kill(-1, SIGUSR1);
        sigqueue(getpid(), SIGUSR1, {});
        ++refusals;
      },
      {.enough = 10'000});
}

TEST_F(ContainerBombs, OfNames) {
  survive([](Refusals& refusals) {
    static long number = 0;
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%0255ld", ++number * 1000 + getpid() % 1000);
    if (mknod(name, S_IFREG | 0600, 0) != 0) ++refusals;
  });
}

// Down and down, by names of the greatest length; getcwd(2) fails long before the end.
TEST_F(ContainerBombs, OfDepth) {
  survive([](Refusals& refusals) {
    char name[NAME_MAX + 1] = {};
    memset(name, 'd', NAME_MAX);
    name[getpid() % NAME_MAX] = 'e';
    if ((mkdir(name, 0700) != 0 && errno != EEXIST) || chdir(name) != 0) ++refusals;
  });
}

// Each leads to the next one: whoever follows is told that there are too many, however many there are.
TEST_F(ContainerBombs, OfNestedLinks) {
  survive([](Refusals& refusals) {
    static int number = 0;
    char name[64], target[64];
    snprintf(target, sizeof target, "link%d-%d", getpid(), number);
    snprintf(name, sizeof name, "link%d-%d", getpid(), ++number);
    if (symlink(target, name) != 0) ++refusals;
    if (number > 45) EXPECT_ERRNO(ELOOP, open(name, O_RDONLY));
    if (number == 10'000) ++refusals;
  });
}

// Each container in the one before, with two processes in each: as deep as they may be (64), four times.
TEST_F(ContainerBombs, OfDeepContainers) {
  survive(
      [](Refusals& refusals) {
        const int id = create_container(nesting());
        // What a process that has joined starts lives there, and can join what it makes itself.
        const pid_t child = id < 0 ? -1 : fork();
        const pid_t grandchild = child != 0 ? 1 : join_container(id) != 0 ? -1 : fork();
        if (grandchild == 0) return;
        if (child == -1 || grandchild == -1) ++refusals;
        for (;;) pause();
      },
      {.processes = 4 * 2 * 64});
}

}  // namespace
}  // namespace cv6::guest
