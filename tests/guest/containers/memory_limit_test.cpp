// A container at its memory limit: calls fail with ENOMEM, page faults end its largest process, and nobody outside notices.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerMemoryLimit : public ContainersAndFiles {};

constexpr std::uint64_t mib = 1 << 20;

ContainerLimit limit_of(const Box& box) { return box.limit(ContainerLimit::Kind::memory); }
void set_limit(const Box& box, std::uint64_t bytes) { box.set_limit(ContainerLimit::Kind::memory, bytes); }

// Touches so many bytes of fresh memory and keeps them.
void use_memory(std::uint64_t bytes) {
  auto* at = static_cast<char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(at, MAP_FAILED);
  for (std::uint64_t i = 0; i < bytes; i += page_size) at[i] = 1;
}

// A process inside that uses so much and waits to be killed.
pid_t start_idle(const Box& box, std::uint64_t bytes) {
  Pipe ready;
  const pid_t pid = box.start([&] {
    use_memory(bytes);
    ready.notify();
    for (;;) pause();
  });
  EXPECT_TRUE(ready.wait());
  return pid;
}

TEST_F(ContainerMemoryLimit, ThereIsNoneAtFirst) {
  Box box;
  const ContainerLimit limit = limit_of(box);
  EXPECT_EQ(limit.limit, ContainerLimit::unlimited);
  EXPECT_EQ(limit.refusals, 0u);
  EXPECT_EQ(limit.victims, 0u);
}

TEST_F(ContainerMemoryLimit, CountsWhatIsUsed) {
  Box box;
  set_limit(box, 16 * mib + 123);
  EXPECT_EQ(limit_of(box).limit, 16 * mib);  // whole pages
  const std::uint64_t before = limit_of(box).current;
  const pid_t idle = start_idle(box, 4 * mib);
  EXPECT_GE(limit_of(box).current, before + 4 * mib);
  EXPECT_LT(limit_of(box).current, before + 5 * mib);
  EXPECT_EQ(limit_of(box).current, box.stat().memory);
  kill(idle, SIGKILL);
  reap(idle);
  EXPECT_LT(limit_of(box).current, before + mib);
  EXPECT_GE(limit_of(box).peak, before + 4 * mib);
}

TEST_F(ContainerMemoryLimit, AFaultBeyondItEndsTheProcess) {
  Box box;
  set_limit(box, 8 * mib);
  const pid_t pid = box.start([] { use_memory(64 * mib); });
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  const ContainerLimit limit = limit_of(box);
  EXPECT_EQ(limit.victims, 1u);
  EXPECT_GE(limit.refusals, 1u);
  EXPECT_LE(limit.peak, 8 * mib);
  EXPECT_GE(limit.peak, 8 * mib - 64 * page_size);
  EXPECT_INSIDE(box, use_memory(4 * mib));  // there is room again
}

TEST_F(ContainerMemoryLimit, TheConsoleSaysSo) {
  Box box;
  set_limit(box, 8 * mib);
  Pipe console;
  const pid_t pid = box.start([&] {
    EXPECT_OK(setsid());
    EXPECT_OK(dup2(console.write, 2));
    use_memory(64 * mib);
  });
  console.write.close();
  std::string text;
  char buffer[256];
  for (ssize_t size; (size = read(console.read, buffer, sizeof buffer)) > 0;) text.append(buffer, size);
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  EXPECT_TRUE(text.starts_with("Out of memory in container with ID " + std::to_string(box.id()) + ": process ")) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

// Not the one that happened to ask for the last page.
TEST_F(ContainerMemoryLimit, TheLargestProcessGoes) {
  Box box;
  set_limit(box, 24 * mib);
  const pid_t large = start_idle(box, 12 * mib);
  const pid_t small = start_idle(box, 2 * mib);
  EXPECT_INSIDE(box, use_memory(10 * mib));
  EXPECT_TRUE(reap(large).killed_by(SIGKILL));
  EXPECT_EQ(limit_of(box).victims, 1u);
  EXPECT_OK(kill(small, 0));
  kill(small, SIGKILL);
  EXPECT_TRUE(reap(small).killed_by(SIGKILL));
}

TEST_F(ContainerMemoryLimit, NobodyOutsideIsTouched) {
  Box box, other;
  set_limit(box, 8 * mib);
  const pid_t outside = spawn([] {
    use_memory(32 * mib);
    pause();
    return 0;
  });
  const pid_t beside = start_idle(other, 32 * mib);
  EXPECT_TRUE(reap(box.start([] { use_memory(64 * mib); })).killed_by(SIGKILL));
  EXPECT_EQ(limit_of(other).victims, 0u);
  EXPECT_EQ(limit_of(other).refusals, 0u);
  for (const pid_t pid : {outside, beside}) {
    EXPECT_OK(kill(pid, 0));
    EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
    kill(pid, SIGKILL);
    reap(pid);
  }
}

TEST_F(ContainerMemoryLimit, CallsFailInstead) {
  Box box;
  set_limit(box, 4 * mib);
  EXPECT_INSIDE(box, {
    // Populating is a wish; what is in the way shows at the access.
    const Mapping wanted(64 * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
    EXPECT_TRUE(wanted.ok());
    int ends[2];
    EXPECT_ERRNO(ENOMEM, [&] {
      int result = 0;
      for (int i = 0; i < 100 && result == 0; ++i) result = pipe(ends);
      return result;
    }());
    EXPECT_ERRNO(ENOMEM, fork());
  });
  EXPECT_EQ(limit_of(box).victims, 0u);
}

TEST_F(ContainerMemoryLimit, FilesFillUpAsADiskDoes) {
  Box box;
  set_limit(box, 4 * mib);
  EXPECT_INSIDE(box, {
    const Descriptor file = open_file("large", O_WRONLY | O_CREAT);
    const std::vector<char> block(64 * 1024, 'x');
    ssize_t written;
    while ((written = write(file, block.data(), block.size())) > 0) {}
    EXPECT_ERRNO(ENOSPC, written);
    ASSERT_OK(unlink("large"));
  });
  EXPECT_EQ(limit_of(box).victims, 0u);
}

TEST_F(ContainerMemoryLimit, LoweringItCountsForWhatComesNext) {
  Box box;
  Pipe go, ready;
  const pid_t pid = box.start([&] {
    use_memory(8 * mib);
    ready.notify();
    go.wait();
    use_memory(mib);
  });
  ready.wait();
  set_limit(box, 2 * mib);
  EXPECT_GE(limit_of(box).current, 8 * mib);  // what is there stays
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
  go.notify();
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  EXPECT_EQ(limit_of(box).victims, 1u);
}

TEST_F(ContainerMemoryLimit, RaisingItMakesRoom) {
  Box box;
  set_limit(box, 4 * mib);
  Pipe go, ready;
  const pid_t pid = box.start([&] {
    use_memory(mib);
    ready.notify();
    go.wait();
    use_memory(16 * mib);
  });
  ready.wait();
  set_limit(box, 64 * mib);
  go.notify();
  EXPECT_TRUE(reap(pid).exited(0));
  set_limit(box, ContainerLimit::unlimited);
  EXPECT_EQ(limit_of(box).limit, ContainerLimit::unlimited);
  EXPECT_INSIDE(box, use_memory(80 * mib));
}

TEST_F(ContainerMemoryLimit, FaultsOfTheKernelOnBehalfOfAProgram) {
  write_file("text", std::string(12 * mib, 't'));
  Box box;
  set_limit(box, 24 * mib);
  // The largest is somebody else: the call succeeds once he is gone.
  const pid_t large = start_idle(box, 18 * mib);
  EXPECT_INSIDE(box, {
    const Mapping to(12 * mib);
    const Descriptor file = open_file("text", O_RDONLY);
    EXPECT_EQ(read(file, to.as(), to.length()), ssize_t(to.length()));
  });
  EXPECT_TRUE(reap(large).killed_by(SIGKILL));
  set_limit(box, 8 * mib);
  EXPECT_TRUE(reap(box.start([] {
    const Mapping to(12 * mib);
    const Descriptor file = open_file("text", O_RDONLY);
    (void)!read(file, to.as(), to.length());
  })).killed_by(SIGKILL));
  EXPECT_INSIDE(box, {  // the file's lock is free
    char byte;
    EXPECT_EQ(read(open_file("text", O_RDONLY), &byte, 1), 1);
  });
}

// A child made by vfork uses its parent's memory: both must go.
TEST_F(ContainerMemoryLimit, WhoSharesTheMemoryGoesAsWell) {
  Box box;
  set_limit(box, 8 * mib);
  const pid_t pid = box.start([] {
    if (vfork() == 0) {
      use_memory(64 * mib);
      _exit(0);
    }
  });
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  EXPECT_TRUE(wait_until([&] { return box.processes() == 0; }));
  EXPECT_EQ(limit_of(box).victims, 1u);
}

// Everybody faults at the limit at the same time: some go, the others finish.
TEST_F(ContainerMemoryLimit, ManyAtOnce) {
  for (int round = 0; round < 3; ++round) {
    Box box;
    set_limit(box, 32 * mib);
    std::vector<pid_t> pids;
    for (int i = 0; i < 12; ++i)
      pids.push_back(box.start([] {
        for (int again = 0; again < 3; ++again) {
          const Mapping pages(8 * mib);
          ASSERT_TRUE(pages.ok());
          memset(pages.as(), 'x', pages.length());
        }
      }));
    int finished = 0, killed = 0;
    for (const pid_t pid : pids) {
      const Ending ending = reap(pid);
      finished += ending.exited(0);
      killed += ending.killed_by(SIGKILL);
    }
    EXPECT_EQ(finished + killed, 12);
    EXPECT_GE(finished, 1);
    EXPECT_EQ(limit_of(box).victims, static_cast<unsigned>(killed));
    EXPECT_LE(limit_of(box).peak, 32 * mib);
  }
}

TEST_F(ContainerMemoryLimit, ThreadsOfOneProcess) {
  Box box;
  set_limit(box, 8 * mib);
  const pid_t pid = box.start([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) threads.emplace_back([] { use_memory(16 * mib); });
    for (std::thread& thread : threads) thread.join();
  });
  EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  EXPECT_EQ(limit_of(box).victims, 1u);
}

TEST_F(ContainerMemoryLimit, DestroyedInTheMiddleOfIt) {
  for (int round = 0; round < 10; ++round) {
    Box box;
    set_limit(box, 8 * mib);
    Pipe begun, go;
    std::vector<pid_t> pids;
    for (int i = 0; i < 4; ++i)
      pids.push_back(box.start([&] {
        begun.notify();
        go.wait();
        use_memory(64 * mib);
      }));
    for (int i = 0; i < 4; ++i) begun.wait();
    for (int i = 0; i < 4; ++i) go.notify();
    box.destroy();
    for (const pid_t pid : pids) reap(pid);
  }
}

// The limit of the container above is hit: the victim may be in any that is below it, and in none beside.
TEST_F(ContainerMemoryLimit, OfTheContainerAbove) {
  Box above(nesting()), beside;
  set_limit(above, 24 * mib);
  const pid_t uninvolved = start_idle(beside, 16 * mib);
  Pipe ready, go;
  const pid_t manager = above.start([&] {
    Box large, small;  // inside
    const pid_t victim = start_idle(large, 12 * mib);
    const pid_t other = start_idle(small, 4 * mib);
    const Ending ending = reap(small.start([] { use_memory(9 * mib); }));
    EXPECT_TRUE(ending.exited(0)) << ending;
    EXPECT_TRUE(reap(victim).killed_by(SIGKILL));
    EXPECT_EQ(waitpid(other, nullptr, WNOHANG), 0);
    EXPECT_EQ(limit_of(large).victims, 0u);  // it was not their limit
    EXPECT_EQ(limit_of(small).victims, 0u);
    kill(other, SIGKILL);
    reap(other);
  });
  EXPECT_TRUE(reap(manager).exited(0));
  EXPECT_EQ(limit_of(above).victims, 1u);
  EXPECT_EQ(waitpid(uninvolved, nullptr, WNOHANG), 0);
  kill(uninvolved, SIGKILL);
  reap(uninvolved);
}

// The limit of the container itself comes first: nobody else of those above goes.
TEST_F(ContainerMemoryLimit, OfTheContainerBelow) {
  Box above(nesting());
  const pid_t manager = above.start([] {
    use_memory(16 * mib);  // by far the largest
    Box below;
    set_limit(below, 6 * mib);
    EXPECT_TRUE(reap(below.start([] { use_memory(32 * mib); })).killed_by(SIGKILL));
    EXPECT_EQ(limit_of(below).victims, 1u);
  });
  EXPECT_TRUE(reap(manager).exited(0));
  EXPECT_EQ(limit_of(above).victims, 0u);
}

// A frozen process cannot let go of its memory: somebody else has to.
TEST_F(ContainerMemoryLimit, AFrozenProcessIsNoVictim) {
  Box above(nesting());
  set_limit(above, 24 * mib);
  const pid_t manager = above.start([] {
    Box frozen, small;
    const pid_t large = start_idle(frozen, 12 * mib);
    ContainerScheduling freeze;
    freeze.id = frozen.id();
    freeze.change = ContainerScheduling::freezing;
    freeze.frozen = 1;
    ASSERT_OK(container_scheduling(freeze));
    EXPECT_TRUE(reap(small.start([] { use_memory(20 * mib); })).killed_by(SIGKILL));
    EXPECT_EQ(waitpid(large, nullptr, WNOHANG), 0);
    frozen.destroy();
    EXPECT_TRUE(reap(large).killed_by(SIGKILL));
  });
  EXPECT_TRUE(reap(manager).exited(0));
}

// Of what the host has: each step is the first change of something.
void change_files() {
  if (const Descriptor file = open_file("shared", O_WRONLY); file >= 0) {
    (void)!write(file, "x", 1);
    (void)!ftruncate(file, 100'000);
  }
  (void)rename("directory/inner", "moved");
  (void)mkdir("directory/made", 0700);
  (void)unlink("shared");
  const Descriptor mapped = open_file("mapped", O_RDWR);
  void* const memory = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, mapped, 0);
  if (memory != MAP_FAILED) (void)!read(mapped, memory, 100);  // a private page, written by the kernel
}

// Page by page: at each limit something else is the first that cannot be had. Whatever fails leaves nothing behind.
TEST_F(ContainerMemoryLimit, EveryStepOfALifeCanFail) {
  char buffer[4096] = {};
  ASSERT_OK(readlink("/proc/self/exe", buffer, sizeof buffer - 1));
  const std::string program = buffer;
  write_file("shared", std::string(20'000, 's'));
  write_file("mapped", std::string(20'000, 'm'));
  ASSERT_OK(mkdir("directory", 0755));
  write_file("directory/inner", "i");
  const auto story = [&](std::uint64_t bytes) {
    Box box(nesting());
    set_limit(box, bytes);
    run([&]() -> int {
      if (join_container(box.id()) != 0) return 1;
      change_files();
      const int id = create_container({});
      const pid_t child = fork();
      if (child == 0) {
        if (id >= 0 && join_container(id) == 0) leave_container();
        execl(program.c_str(), "guest-tests", "--helper", "container-exit", "0", nullptr);
        _exit(1);
      }
      int status;
      while (child > 0 && waitpid(child, &status, 0) == -1 && errno == EINTR) {}
      if (id >= 0) destroy_container(id);
      return leave_container() == 0 ? 0 : 1;
    });
  };
  story(64 * mib);
  ObjectCounts before = count_objects();
  for (std::uint64_t pages = 1; pages < 160; ++pages) story(pages * page_size);
  std::erase_if(before, [](const auto& entry) {
    return entry.first == "frames" || entry.first == "dentry" || entry.first.starts_with("size-") || entry.first.starts_with("memory of");
  });
  ObjectCounts after;
  EXPECT_TRUE(wait_until([&] {
    after.clear();
    for (const auto& [name, count] : count_objects())
      if (before.contains(name)) after[name] = count;
    return growth(before, after).empty();
  })) << growth(before, after);
}

}  // namespace
}  // namespace cv6::guest
