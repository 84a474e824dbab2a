// Process numbers of each level, and relations across the border of a container.

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <set>
#include <thread>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerPids : public Containers {};

std::set<int> processes_seen() {
  std::set<int> seen;
  DIR* directory = opendir("/proc");
  while (const dirent* entry = readdir(directory))
    if (isdigit(entry->d_name[0])) seen.insert(atoi(entry->d_name));
  closedir(directory);
  return seen;
}

TEST_F(ContainerPids, OneThatJoinsKeepsItsNumber) {
  Box box;
  EXPECT_CHILD({
    const pid_t before = getpid();
    ASSERT_OK(join_container(box.id()));
    EXPECT_EQ(getpid(), before);
    EXPECT_EQ(gettid(), before);
    EXPECT_EQ(getppid(), 0);
    EXPECT_EQ(processes_seen(), std::set<int>{before});
    ASSERT_OK(leave_container());
    EXPECT_EQ(getpid(), before);
    EXPECT_NE(getppid(), 0);
  });
}

// The group's leader was killed inside; the last that knows the container is a number of the group, which lives on outside.
TEST_F(ContainerPids, AGroupOutlastsTheContainerOfItsLeader) {
  Pipe begun;
  const pid_t member = spawn([] {
    for (;;) pause();
    return 0;
  });
  const ObjectCounts before = count_objects();
  Box box;
  const pid_t joined = spawn([&] {
    setpgid(0, 0);
    if (join_container(box.id()) != 0) return 1;
    begun.notify();
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(begun.wait());
  ASSERT_OK(setpgid(member, joined));
  box.destroy();
  EXPECT_TRUE(reap(joined).killed_by(SIGKILL));
  kill(member, SIGKILL);
  reap(member);
  EXPECT_TRUE(wait_until([&] { return count_objects()["container"] == before.at("container"); }));
}

TEST_F(ContainerPids, NumberingStartsAtOne) {
  Box box;
  EXPECT_INSIDE(box, {
    const pid_t child = spawn([] { return getpid() == 1 ? 0 : 1; });
    EXPECT_EQ(child, 1);
    EXPECT_TRUE(reap(child).exited(0));
  });
  Pipe out;
  const pid_t spawned = spawn_helper(box.id(), "container-tell", {}, {{out.write, 1}});
  ASSERT_OK(spawned);
  out.write.close();
  EXPECT_EQ(read_to_end(out.read), "1 0 " + std::to_string(box.id()) + " / 1\n");
  EXPECT_TRUE(reap(spawned).exited(0));
}

TEST_F(ContainerPids, ATakenNumberIsReplacedByTheLowestFree) {
  Box box;
  Pipe ready;
  Pipe end;
  // Residents take the numbers 1..6 and so on until one has the number of a process outside.
  const pid_t outside = spawn([&] {
    ready.wait();
    if (join_container(box.id()) != 0) return 1;
    const int inside = getpid();
    return leave_container() == 0 && inside != getpid() && inside >= 1 ? 0 : 2;
  });
  ASSERT_OK(outside);
  Pipe told;
  const pid_t maker = box.start([&] {
    pid_t last = 0;
    while (last < outside) {
      last = fork();
      if (last == 0) {
        if (getpid() != outside) _exit(0);
        told.notify();
        end.wait();
        _exit(0);
      }
      ASSERT_OK(last);
      if (last != outside) reap(last);
    }
    reap(outside);
  });
  if (told.wait()) {
    ready.notify();
    EXPECT_TRUE(reap(outside).exited(0));
  }
  end.notify();
  EXPECT_TRUE(reap(maker).exited(0));
}

TEST_F(ContainerPids, TheHostSeesThemByItsOwnNumbers) {
  Box box;
  Pipe ready;
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  const pid_t joined = box.start([&] {
    spawn([&] {
      shared.as<int>()[0] = getpid();
      ready.notify();
      for (;;) pause();
      return 0;
    });
    for (;;) pause();
  });
  ASSERT_TRUE(ready.wait());
  EXPECT_EQ(shared.as<int>()[0], 1);
  const std::set<int> seen = processes_seen();
  EXPECT_TRUE(seen.contains(joined));
  int children = 0;
  for (const int pid : seen) {
    const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    int parent = 0;
    if (sscanf(stat.c_str(), "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == joined) ++children;
  }
  EXPECT_EQ(children, 1);
  EXPECT_OK(kill(joined, 0));
  box.destroy();
  EXPECT_TRUE(reap(joined).killed_by(SIGKILL));
}

TEST_F(ContainerPids, ChildrenOutsideAreOutOfReachUntilItLeaves) {
  Box box;
  EXPECT_CHILD({
    Pipe end;
    const pid_t child = spawn([&] {
      end.wait();
      return 5;
    });
    ASSERT_OK(join_container(box.id()));
    EXPECT_ERRNO(ECHILD, waitpid(-1, nullptr, WNOHANG));
    EXPECT_ERRNO(ECHILD, waitpid(child, nullptr, WNOHANG));
    EXPECT_ERRNO(ECHILD, waitpid(0, nullptr, WNOHANG));
    siginfo_t info{};
    EXPECT_ERRNO(ECHILD, waitid(P_ALL, 0, &info, WEXITED | WNOHANG));
    EXPECT_ERRNO(ESRCH, kill(child, 0));
    EXPECT_ERRNO(ESRCH, setpgid(child, child));
    EXPECT_ERRNO(ESRCH, getpgid(child));
    end.notify();
    ASSERT_OK(leave_container());
    EXPECT_TRUE(reap(child).exited(5));
  });
}

TEST_F(ContainerPids, ChildrenInsideAreReachedFromOutsideAfterwards) {
  Box box;
  EXPECT_CHILD({
    Pipe end;
    ASSERT_OK(join_container(box.id()));
    Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    auto& parent_seen = *shared.as<volatile int>();
    parent_seen = -1;
    const pid_t inside = spawn([&] {
      end.wait();
      parent_seen = getppid();
      return 6;
    });
    EXPECT_EQ(inside, 1);
    ASSERT_OK(leave_container());
    end.notify();
    int status = 0;
    const pid_t got = waitpid(-1, &status, 0);
    EXPECT_GT(got, 1);  // the host's number
    EXPECT_TRUE(Ending{status}.exited(6));
    EXPECT_EQ(parent_seen, 0);  // its parent is outside by then
  });
}

TEST_F(ContainerPids, ParentNumberFollowsTheParent) {
  Box box;
  EXPECT_CHILD({
    const pid_t self = getpid();
    Pipe ask;
    Pipe answer;
    const pid_t outside = spawn([&] {
      ask.wait();
      const bool first = getppid() == self;
      answer.notify();
      ask.wait();
      return first && getppid() == self ? 0 : 1;
    });
    ASSERT_OK(join_container(box.id()));
    ask.notify();
    answer.wait();
    ASSERT_OK(leave_container());
    ask.notify();
    EXPECT_TRUE(reap(outside).exited(0));
  });
}

// The container's first process gets the orphans.
TEST_F(ContainerPids, OrphansGoToTheFirstProcess) {
  Box box;
  Pipe out;
  const pid_t first = spawn_helper(box.id(), "container-adopt", {}, {{out.write, 1}});
  ASSERT_OK(first);
  out.write.close();
  EXPECT_EQ(read_to_end(out.read), "1 7\n");  // the orphan's parent, and its exit status
  EXPECT_TRUE(reap(first).exited(0));
}

TEST_F(ContainerPids, OrJustGoIfThereIsNone) {
  Box box;
  Pipe ready;
  Pipe end;
  EXPECT_INSIDE(box, {
    const pid_t middle = spawn([&] {
      spawn([&] {
        ready.write.close();
        while (getppid() != 0) sched_yield();
        ready.read.close();
        end.wait();
        return 0;
      });
      return 0;
    });
    EXPECT_TRUE(reap(middle).exited(0));
    EXPECT_ERRNO(ECHILD, waitpid(-1, nullptr, 0));
  });
  EXPECT_EQ(box.processes(), 1u);
  end.notify();
  EXPECT_TRUE(wait_until([&] { return box.processes() == 0; }));
}

// A child that stays outside is not the container's when its parent ends inside.
TEST_F(ContainerPids, OrphansOfOutsideStayOutside) {
  Box box;
  const pid_t first = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(first);
  Pipe end;
  Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* seen = shared.as<volatile int>();
  const pid_t parent = spawn_checked([&] {
    const pid_t self = getpid();
    spawn([&, self] {
      while (getppid() == self) sched_yield();
      seen[0] = getppid();
      seen[1] = 1;
      return 0;
    });
    ASSERT_OK(join_container(box.id()));
  });
  EXPECT_TRUE(reap(parent).exited(0));
  EXPECT_TRUE(wait_until([&] { return seen[1] == 1; }));
  EXPECT_NE(seen[0], 0);
  EXPECT_NE(seen[0], first);
}

TEST_F(ContainerPids, TheFirstOnesEndEndsTheRest) {
  Box box;
  const pid_t first = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(first);
  const pid_t second = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(second);
  const pid_t joined = box.start([] {
    for (;;) pause();
  });
  ASSERT_TRUE(wait_until([&] { return box.processes() == 3; }));
  ASSERT_OK(kill(first, SIGKILL));
  for (const pid_t pid : {first, second, joined}) EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
  EXPECT_TRUE(wait_until([&] { return box.stat().state == ContainerState::ready; }));
  const pid_t again = spawn_helper(box.id(), "container-exit", {"4"});
  ASSERT_OK(again);
  EXPECT_TRUE(reap(again).exited(4));
}

// A thread made inside is not reached from there any more when its process has left.
TEST_F(ContainerPids, ThreadsMadeInsideLeaveToo) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    std::atomic<int> number{0};
    std::atomic<bool> stop{false};
    std::thread thread([&] {
      number = gettid();
      while (!stop) sched_yield();
      number = gettid();
    });
    ASSERT_TRUE(wait_until([&] { return number != 0; }));
    const int inside = number;
    ASSERT_OK(leave_container());
    EXPECT_INSIDE(box, {
      EXPECT_ERRNO(ESRCH, ::syscall(SYS_tkill, inside, 0));
      EXPECT_ERRNO(ESRCH, ::syscall(SYS_tgkill, inside, inside, 0));
      cpu_set_t set;
      EXPECT_ERRNO(ESRCH, sched_getaffinity(inside, sizeof set, &set));
    });
    stop = true;
    thread.join();
    EXPECT_GT(number, 0);
    EXPECT_OK(::syscall(SYS_tgkill, getpid(), getpid(), 0));
  });
}

}  // namespace
}  // namespace cv6::guest
