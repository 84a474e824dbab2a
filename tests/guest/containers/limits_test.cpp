// Limits of containers: what is over them fails with its errno in that container only, and is counted.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support/check.hpp"
#include "support/container.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using Kind = ContainerLimit::Kind;

void set_limit(const Box& box, Kind kind, std::uint64_t value) { EXPECT_EQ(box.set_limit(kind, value).limit, value); }

class ContainerLimits : public Containers {};

TEST_F(ContainerLimits, ThereAreNoneAtFirst) {
  Box box;
  for (const Kind kind : {Kind::processes, Kind::open_files}) {
    const ContainerLimit limit = box.limit(kind);
    EXPECT_EQ(limit.limit, ContainerLimit::unlimited);
    EXPECT_EQ(limit.current, 0u);
    EXPECT_EQ(limit.refusals, 0u);
  }
}

TEST_F(ContainerLimits, UnknownOnesAreRefused) {
  Box box;
  ContainerLimit limit;
  limit.id = box.id();
  limit.kind = static_cast<Kind>(1000);
  EXPECT_ERRNO(EINVAL, container_limit(limit));
  limit.kind = Kind::processes;
  limit.operation = static_cast<ContainerLimit::Operation>(2);
  EXPECT_ERRNO(EINVAL, container_limit(limit));
  limit.id = 1'000'000;
  EXPECT_ERRNO(ESRCH, container_limit(limit));
}

TEST_F(ContainerLimits, NobodyInsideChangesThem) {
  Box box;
  set_limit(box, Kind::processes, 3);
  EXPECT_INSIDE(box, {
    ContainerLimit limit;
    limit.id = box.id();
    limit.operation = ContainerLimit::Operation::set;
    EXPECT_ERRNO(ESRCH, container_limit(limit));
  });
  EXPECT_EQ(box.limit(Kind::processes).limit, 3u);
}

TEST_F(ContainerLimits, ForkFailsWhenTheContainerIsFull) {
  Box box;
  set_limit(box, Kind::processes, 3);
  EXPECT_INSIDE(box, {
    pid_t children[2];
    for (pid_t& child : children) {
      child = fork();
      ASSERT_OK(child);
      if (child == 0) {
        pause();
        _exit(0);
      }
    }
    EXPECT_ERRNO(EAGAIN, fork());
    // One that has ended counts until it is reaped.
    kill(children[0], SIGKILL);
    siginfo_t info;
    ASSERT_OK(waitid(P_PID, static_cast<id_t>(children[0]), &info, WEXITED | WNOWAIT));
    EXPECT_ERRNO(EAGAIN, fork());
    EXPECT_OK(waitpid(children[0], nullptr, 0));
    wait_until([] {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      if (child > 0) waitpid(child, nullptr, 0);
      return child > 0;
    });
    kill(children[1], SIGKILL);
    EXPECT_OK(waitpid(children[1], nullptr, 0));
  });
  const ContainerLimit limit = box.limit(Kind::processes);
  EXPECT_EQ(limit.current, 0u);
  EXPECT_EQ(limit.peak, 3u);
  EXPECT_GE(limit.refusals, 2u);
}

TEST_F(ContainerLimits, ThreadsCountAsProcesses) {
  Box box;
  set_limit(box, Kind::processes, 2);
  EXPECT_INSIDE(box, {
    std::atomic<bool> over = false;
    std::thread other([&] { over.wait(false); });
    EXPECT_THROW(std::thread([] {}), std::system_error);
    EXPECT_ERRNO(EAGAIN, fork());
    over = true;
    over.notify_all();
    other.join();
  });
  EXPECT_EQ(box.limit(Kind::processes).current, 0u);
}

TEST_F(ContainerLimits, WhoJoinsAFullContainerStaysOutside) {
  Box box;
  set_limit(box, Kind::processes, 0);
  const pid_t child = spawn_checked([&] {
    EXPECT_ERRNO(EAGAIN, join_container(box.id()));
    EXPECT_EQ(cid(), host_container);
    EXPECT_ERRNO(ESRCH, leave_container());
  });
  EXPECT_TRUE(reap(child).exited(0));
  EXPECT_EQ(spawn_helper(box.id(), "nothing"), -1);
  EXPECT_EQ(errno, EAGAIN);
  set_limit(box, Kind::processes, 1);
  EXPECT_INSIDE(box, EXPECT_EQ(cid(), box.id()));
}

TEST_F(ContainerLimits, JoinAndLeaveCountAndUncount) {
  Box box;
  const pid_t child = spawn_checked([&] {
    ASSERT_OK(join_container(box.id()));
    ASSERT_OK(leave_container());
    EXPECT_EQ(box.limit(Kind::processes).current, 0u);
    EXPECT_EQ(box.limit(Kind::open_files).current, 0u);
  });
  EXPECT_TRUE(reap(child).exited(0));
  EXPECT_EQ(box.limit(Kind::processes).peak, 1u);
}

int open_something() { return open("/dev/null", O_RDONLY); }

// How many more can be opened; they are closed again.
int room() {
  std::vector<int> files;
  while (true) {
    const int file = open_something();
    if (file < 0) break;
    files.push_back(file);
  }
  EXPECT_EQ(errno, EMFILE);
  for (const int file : files) close(file);
  return static_cast<int>(files.size());
}

TEST_F(ContainerLimits, OpenFailsWhenAllDescriptorsAreUsed) {
  Box box;
  set_limit(box, Kind::open_files, 20);
  EXPECT_INSIDE(box, {
    const int before = room();
    EXPECT_GT(before, 3);
    EXPECT_LT(before, 20);
    const int kept = open_something();
    EXPECT_EQ(room(), before - 1);
    close(kept);
    EXPECT_EQ(room(), before);
  });
  const ContainerLimit limit = box.limit(Kind::open_files);
  EXPECT_EQ(limit.current, 0u);
  EXPECT_EQ(limit.peak, 20u);
  EXPECT_EQ(limit.refusals, 3u);
}

TEST_F(ContainerLimits, ADescriptorIsReplacedAtTheLimit) {
  Box box;
  EXPECT_INSIDE(box, {
    const int file = open_something();
    ASSERT_OK(file);
    EXPECT_OK(dup2(file, file + 1));
    EXPECT_OK(dup2(file, file + 1));
  });
  EXPECT_EQ(box.limit(Kind::open_files).current, 0u);
  const auto used = box.limit(Kind::open_files).peak;
  set_limit(box, Kind::open_files, used);
  EXPECT_INSIDE(box, {
    const int file = open_something();
    ASSERT_OK(file);
    EXPECT_OK(dup2(file, file + 1));
    EXPECT_OK(dup2(file, file + 1));
    EXPECT_ERRNO(EMFILE, dup2(file, file + 2));
    EXPECT_ERRNO(EMFILE, dup(file));
    int ends[2];
    EXPECT_ERRNO(EMFILE, pipe(ends));
  });
}

TEST_F(ContainerLimits, ForkNeedsDescriptorsForTheChild) {
  Box box;
  set_limit(box, Kind::open_files, 12);
  EXPECT_INSIDE(box, {
    while (open_something() >= 0) continue;
    EXPECT_ERRNO(EAGAIN, fork());
  });
}

TEST_F(ContainerLimits, WhoJoinsBringsDescriptors) {
  Box box;
  set_limit(box, Kind::open_files, 12);
  const pid_t child = spawn_checked([&] {
    for (int i = 0; i < 12; ++i) ASSERT_OK(open_something());
    EXPECT_ERRNO(EAGAIN, join_container(box.id()));
    EXPECT_EQ(cid(), host_container);
    EXPECT_OK(open_something());
  });
  EXPECT_TRUE(reap(child).exited(0));
  EXPECT_EQ(box.limit(Kind::open_files).current, 0u);
}

TEST_F(ContainerLimits, WhatIsOverANewLimitStays) {
  Box box;
  EXPECT_INSIDE(box, {
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  });
  const pid_t inside = box.start([] { pause(); });
  wait_until([&] { return box.limit(Kind::processes).current == 1; });
  set_limit(box, Kind::processes, 0);
  EXPECT_EQ(box.limit(Kind::processes).current, 1u);
  kill(inside, SIGKILL);
  reap(inside);
}

}  // namespace
}  // namespace cv6::guest
