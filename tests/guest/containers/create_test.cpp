// Making, looking at and destroying containers: cv6's own calls.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerCreation : public Containers {};
class ContainerDestruction : public Containers {};
class ContainerSpawning : public Containers {};

ContainerCreate named(const char* name, const char* hostname = nullptr) {
  ContainerCreate wanted;
  wanted.name = name;
  wanted.hostname = hostname;
  return wanted;
}

TEST_F(ContainerCreation, TheHostIsMinusOne) { EXPECT_EQ(cid(), host_container); }

TEST_F(ContainerCreation, GivesTheLowestFreeId) {
  Box first, second, third;
  EXPECT_EQ(second.id(), first.id() + 1);
  EXPECT_EQ(third.id(), first.id() + 2);
  const int freed = second.id();
  second.destroy();
  Box again;
  EXPECT_EQ(again.id(), freed);
  Box fourth;
  EXPECT_EQ(fourth.id(), third.id() + 1);
}

TEST_F(ContainerCreation, NamesItAfterItsIdByDefault) {
  Box box;
  const std::string name = "box-" + std::to_string(box.id());
  EXPECT_EQ(box.stat().name, name);
  EXPECT_EQ(box.stat().hostname, name);
}

TEST_F(ContainerCreation, DefaultNamesThatAreTakenAreAvoided) {
  Box marker;
  const int next = marker.id() + 1;
  std::vector<std::unique_ptr<Box>> named_like_others;
  const auto take = [&](int id) {
    named_like_others.push_back(std::make_unique<Box>(named(("box-" + std::to_string(id)).c_str())));
  };
  const int many = 100;  // they take ids as well: those that are free begin behind them, where their names begin
  for (int i = 0; i < many; ++i) take(next + many + i);
  {
    Box first;
    EXPECT_GE(first.id(), next + many);
    EXPECT_TRUE(std::string(first.stat().name).starts_with("box-" + std::to_string(first.id()) + "-")) << first.stat().name;
    EXPECT_STREQ(first.stat().hostname, first.stat().name);
    Box second;
    EXPECT_NE(std::string(second.stat().name), first.stat().name);
  }
  named_like_others.resize(many - 1);  // an id is free whose name nobody took
  Box last;
  EXPECT_EQ(last.id(), next + many - 1);
}

TEST_F(ContainerCreation, TakesNameAndHostname) {
  Box box(named("test-name", "test-host"));
  const ContainerStat stat = box.stat();
  EXPECT_STREQ(stat.name, "test-name");
  EXPECT_STREQ(stat.hostname, "test-host");
  EXPECT_EQ(stat.parent, host_container);
  EXPECT_EQ(stat.depth, 1u);
  EXPECT_EQ(stat.state, ContainerState::ready);
  EXPECT_EQ(stat.processes, 0u);
}

TEST_F(ContainerCreation, RefusesBadNames) {
  Box box(named("taken"));
  EXPECT_ERRNO(EEXIST, create_container(named("taken")));
  EXPECT_ERRNO(EINVAL, create_container(named("a/b")));
  EXPECT_ERRNO(EINVAL, create_container(named("a b")));
  EXPECT_ERRNO(EINVAL, create_container(named("a\n")));
  EXPECT_ERRNO(EINVAL, create_container(named(std::string(65, 'n').c_str())));
  EXPECT_ERRNO(EINVAL, create_container(named("fits", std::string(65, 'h').c_str())));
  EXPECT_ERRNO(EFAULT, create_container(named(wild<const char>())));
  Box longest(named(std::string(64, 'n').c_str()));
  EXPECT_EQ(longest.stat().name, std::string(64, 'n'));
  box.destroy();
  Box again(named("taken"));
}

TEST_F(ContainerCreation, RefusesWhatItDoesNotKnow) {
  ContainerCreate wanted;
  wanted.flags = std::uint64_t{1} << 63;
  EXPECT_ERRNO(EINVAL, create_container(wanted));
  struct Longer {
    ContainerCreate known;
    std::uint64_t unknown = 1;
  } longer;
  EXPECT_ERRNO(E2BIG, ::syscall(call::create_container, &longer, sizeof longer));
  longer.unknown = 0;
  const long id = ::syscall(call::create_container, &longer, sizeof longer);
  ASSERT_OK(id);
  EXPECT_OK(destroy_container(static_cast<int>(id)));
  EXPECT_ERRNO(EFAULT, ::syscall(call::create_container, wild(), sizeof wanted));
}

TEST_F(ContainerCreation, IsForRootOnTheHost) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(setuid(1000));
    EXPECT_ERRNO(EPERM, create_container({}));
    EXPECT_ERRNO(EPERM, destroy_container(box.id()));
    EXPECT_ERRNO(EPERM, join_container(box.id()));
    EXPECT_ERRNO(EPERM, spawn_helper(box.id(), "container-exit", {"0"}));
  });
  EXPECT_INSIDE(box, EXPECT_ERRNO(EPERM, create_container({})));
}

TEST_F(ContainerCreation, ARefusedOneTakesNoId) {
  Box before;
  EXPECT_ERRNO(EINVAL, create_container(named("a/b")));
  EXPECT_ERRNO(EEXIST, create_container(named(before.stat().name)));
  Box after;
  EXPECT_EQ(after.id(), before.id() + 1);
}

TEST_F(ContainerCreation, AHundredAtOnce) {
  std::vector<int> ids;
  for (int i = 0; i < 100; ++i) {
    ids.push_back(create_container({}));
    ASSERT_OK(ids.back());
  }
  int seen = 0;
  ContainerStat stat;
  stat.which = ContainerStat::Which::next_after_id;
  while (stat_container(stat) == 0) {
    ++seen;
    stat.which = ContainerStat::Which::next_after_id;
  }
  EXPECT_EQ(errno, ESRCH);
  EXPECT_GE(seen, 100);
  for (const int id : ids) EXPECT_OK(destroy_container(id));
}

TEST_F(ContainerCreation, StatFindsByIdNameAndOrder) {
  Box box(named("stat-me"));
  ContainerStat stat;
  stat.which = ContainerStat::Which::by_name;
  strcpy(stat.name, "stat-me");
  ASSERT_OK(stat_container(stat));
  EXPECT_EQ(stat.id, box.id());
  stat = {};
  stat.which = ContainerStat::Which::next_after_id;
  stat.id = box.id() - 1;
  ASSERT_OK(stat_container(stat));
  EXPECT_EQ(stat.id, box.id());
  stat = {};
  stat.id = 1'000'000;
  EXPECT_ERRNO(ESRCH, stat_container(stat));
  stat.id = host_container;
  EXPECT_ERRNO(ESRCH, stat_container(stat));
  stat = {};
  stat.which = ContainerStat::Which::by_name;
  memset(stat.name, 'x', sizeof stat.name);
  EXPECT_ERRNO(EINVAL, stat_container(stat));
  stat.which = static_cast<ContainerStat::Which>(77);
  EXPECT_ERRNO(EINVAL, stat_container(stat));
}

TEST_F(ContainerCreation, HostnameIsItsOwn) {
  Box box(named("own-name"));
  utsname outside{};
  uname(&outside);
  EXPECT_INSIDE(box, {
    utsname inside{};
    uname(&inside);
    EXPECT_STREQ(inside.nodename, "own-name");
    ASSERT_OK(sethostname("changed", 7));
  });
  utsname after{};
  uname(&after);
  EXPECT_STREQ(after.nodename, outside.nodename);
  EXPECT_STREQ(box.stat().hostname, "changed");
}

TEST_F(ContainerCreation, NobodyInsideKnowsOfOthers) {
  Box box;
  Box other;
  EXPECT_INSIDE(box, {
    ContainerStat stat;
    stat.which = ContainerStat::Which::next_after_id;
    EXPECT_ERRNO(ESRCH, stat_container(stat));
    for (const int id : {host_container, box.id(), other.id()}) {
      stat = {};
      stat.id = id;
      EXPECT_ERRNO(ESRCH, stat_container(stat));
      EXPECT_ERRNO(ESRCH, destroy_container(id));
      EXPECT_ERRNO(ESRCH, join_container(id));
      EXPECT_ERRNO(ESRCH, spawn_helper(id, "container-exit", {"0"}));
    }
  });
}

// Nothing of the caller's but what is passed: not its directory, descriptors or parent.
TEST_F(ContainerSpawning, PassesNothingOn) {
  Box box;
  Pipe out;
  const Descriptor secret = open_file("/etc/passwd", O_RDONLY);
  ASSERT_OK(fcntl(secret, F_SETFD, 0));
  ASSERT_OK(chdir("/tmp"));
  const pid_t pid = spawn_helper(box.id(), "container-tell", {}, {{out.write, 1}});
  ASSERT_OK(pid);
  out.write.close();
  EXPECT_EQ(read_to_end(out.read), "1 0 " + std::to_string(box.id()) + " / 1\n");
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(ContainerSpawning, ARefusedOneStartsNothing) {
  Box box;
  ContainerSpawn wanted;
  wanted.id = box.id();
  const char* arguments[] = {"x", nullptr};
  wanted.arguments = arguments;
  wanted.path = "/none";
  EXPECT_ERRNO(ENOENT, spawn_container(wanted));
  wanted.path = "/etc/passwd";
  EXPECT_ERRNO(EACCES, spawn_container(wanted));
  wanted.path = wild<const char>();
  EXPECT_ERRNO(EFAULT, spawn_container(wanted));
  wanted.path = "/bin/true";
  wanted.directory = "/none";
  EXPECT_ERRNO(ENOENT, spawn_container(wanted));
  wanted.directory = "/etc/passwd";
  EXPECT_ERRNO(ENOTDIR, spawn_container(wanted));
  wanted.directory = nullptr;
  wanted.descriptor_count = 100'000;
  EXPECT_ERRNO(EINVAL, spawn_container(wanted));
  wanted.descriptor_count = 0;
  wanted.place = static_cast<SpawnPlace>(77);
  EXPECT_ERRNO(EINVAL, spawn_container(wanted));
  EXPECT_ERRNO(EBADF, spawn_helper(box.id(), "container-exit", {"0"}, {{999, 1}}));
  EXPECT_ERRNO(ESRCH, spawn_helper(1'000'000, "container-exit", {"0"}));
  EXPECT_EQ(box.processes(), 0u);
  EXPECT_ERRNO(ECHILD, waitpid(-1, nullptr, WNOHANG));
}

TEST_F(ContainerDestruction, UnknownIdsAreESRCH) {
  for (const int id : {host_container, -2, 1'000'000, INT32_MAX, INT32_MIN}) {
    EXPECT_ERRNO(ESRCH, destroy_container(id));
    EXPECT_ERRNO(ESRCH, join_container(id));
  }
  Box box;
  const int id = box.id();
  box.destroy();
  EXPECT_ERRNO(ESRCH, destroy_container(id));
  EXPECT_ERRNO(ESRCH, join_container(id));
}

// Joined processes, residents, their children and grandchildren, some blocked, some busy.
TEST_F(ContainerDestruction, EndsEverythingInsideBeforeItReturns) {
  Box box;
  Pipe ready;
  const pid_t joined = box.start([&] {
    for (int i = 0; i < 3; ++i)
      spawn([&] {
        spawn([&] {
          ready.notify();
          for (;;) pause();
          return 0;
        });
        ready.notify();
        for (;;) getppid();
        return 0;
      });
    ready.notify();
    for (;;) pause();
  });
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(ready.wait());
  EXPECT_EQ(box.processes(), 7u);
  EXPECT_EQ(box.stat().state, ContainerState::active);
  box.destroy();
  EXPECT_EQ(state_of(joined), 'Z');  // ended already, not reaped yet
  EXPECT_TRUE(reap(joined).killed_by(SIGKILL));
  ready.write.close();
  EXPECT_FALSE(ready.wait());  // nobody holds it any more
}

TEST_F(ContainerDestruction, EndsStoppedAndBlockedProcesses) {
  Box box;
  Pipe never;
  const pid_t stopped = box.start([] { raise(SIGSTOP); });
  const pid_t reading = box.start([&] { never.wait(); });
  const pid_t vforking = box.start([] {
    vfork();
    for (;;) pause();  // its parent too, if the child is killed first
  });
  ASSERT_TRUE(wait_for_state(stopped, 'T'));
  ASSERT_TRUE(wait_until_blocked(reading));
  ASSERT_TRUE(wait_until([&] { return box.processes() == 4; }));
  box.destroy();
  for (const pid_t pid : {stopped, reading, vforking}) EXPECT_TRUE(reap(pid).killed_by(SIGKILL));
}

TEST_F(ContainerDestruction, EndsSpawnedProcessesToo) {
  Box box;
  const pid_t first = spawn_helper(box.id(), "container-pause");
  const pid_t second = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(box.processes(), 2u);
  box.destroy();
  EXPECT_TRUE(reap(first).killed_by(SIGKILL));
  EXPECT_TRUE(reap(second).killed_by(SIGKILL));
}

TEST_F(ContainerDestruction, ZombiesInsideDoNotHoldItUp) {
  Box box;
  Pipe ready;
  const pid_t joined = box.start([&] {
    const pid_t child = spawn([] { return 3; });
    EXPECT_TRUE(wait_for_state(child, 'Z'));
    ready.notify();
    for (;;) pause();
  });
  ASSERT_TRUE(ready.wait());
  box.destroy();
  EXPECT_TRUE(reap(joined).killed_by(SIGKILL));
}

TEST_F(ContainerDestruction, OnlyOneOfSeveralDestroyersDoesIt) {
  for (int round = 0; round < 20; ++round) {
    const int id = create_container({});
    ASSERT_OK(id);
    const pid_t inside = spawn_helper(id, "container-pause");
    ASSERT_OK(inside);
    std::vector<pid_t> destroyers;
    for (int i = 0; i < 4; ++i)
      destroyers.push_back(spawn([=] { return destroy_container(id) == 0 ? 1 : errno == ESRCH ? 2 : 3; }));
    int successes = 0;
    for (const pid_t pid : destroyers) {
      const Ending ending = reap(pid);
      EXPECT_TRUE(ending.exited(1) || ending.exited(2)) << ending;
      successes += ending.exited(1);
    }
    EXPECT_EQ(successes, 1);
    EXPECT_TRUE(reap(inside).killed_by(SIGKILL));
  }
}

// The end of a walk, and a beginning that no walk has.
TEST_F(ContainerCreation, WalksBeginAndEndAnywhere) {
  constexpr int least = std::numeric_limits<int>::min(), most = std::numeric_limits<int>::max();
  Box box;
  ContainerStat stat;
  stat.which = ContainerStat::Which::next_after_id;
  stat.id = most;
  EXPECT_ERRNO(ESRCH, stat_container(stat));
  stat.id = least;
  EXPECT_OK(stat_container(stat));
  EXPECT_EQ(stat.id, 0);
  ContainerProcess process;
  process.id = box.id();
  process.after = most;
  EXPECT_ERRNO(ESRCH, container_process(process));
  process.after = least;
  EXPECT_ERRNO(ESRCH, container_process(process));
}

}  // namespace
}  // namespace cv6::guest
