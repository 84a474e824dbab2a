// Containers in containers: who may, who sees whom, what is shared, and how they end.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class NestedContainers : public Containers {};

TEST_F(NestedContainers, AreMadeOnlyWhereAllowed) {
  Box box;
  EXPECT_INSIDE(box, EXPECT_ERRNO(EPERM, create_container({})));
  Box allowing(nesting());
  EXPECT_INSIDE(allowing, {
    Box inner;
    EXPECT_EQ(inner.stat().depth, 2u);
    EXPECT_EQ(inner.stat().parent, allowing.id());
    EXPECT_INSIDE(inner, {
      EXPECT_EQ(cid(), inner.id());
      EXPECT_ERRNO(EPERM, create_container({}));
    });
  });
}

// In a container of which everything but a new file system is left behind, one more: how many there are in the end.
int nest_on_empty_file_systems() {
  if (mkdir("/next", 0755) != 0 || mount("next", "/next", "tmpfs", 0, nullptr) != 0) return 250;
  ContainerCreate wanted = nesting();
  wanted.root = "/next";
  const int id = create_container(wanted);
  if (id < 0) return errno == ELOOP ? 0 : 251;
  const int below = WEXITSTATUS(run([&] { return join_container(id) == 0 ? nest_on_empty_file_systems() : 252; }).status);
  return below >= 250 ? below : below + 1;
}

TEST_F(NestedContainers, AreNoDeeperWhereTheirRootsHaveNothingInCommon) {
  Box box(nesting());
  const pid_t child = spawn([&] { return join_container(box.id()) == 0 ? nest_on_empty_file_systems() : 253; });
  const Ending ending = reap(child);
  EXPECT_TRUE(ending.exited(63)) << ending;
}

TEST_F(NestedContainers, SeeNeitherUpNorSideways) {
  Box outer(nesting()), sibling;
  EXPECT_INSIDE(outer, {
    Box inner;
    ContainerStat stat;
    for (const int other : {outer.id(), sibling.id(), host_container}) {
      stat.id = other;
      EXPECT_ERRNO(ESRCH, stat_container(stat));
      EXPECT_ERRNO(ESRCH, destroy_container(other));
      EXPECT_ERRNO(ESRCH, join_container(other));
    }
    stat.id = host_container;
    stat.which = ContainerStat::Which::next_after_id;
    ASSERT_OK(stat_container(stat));
    EXPECT_EQ(stat.id, inner.id());
    stat.which = ContainerStat::Which::next_after_id;
    EXPECT_ERRNO(ESRCH, stat_container(stat));
  });
}

TEST_F(NestedContainers, AreSeenFromTheHost) {
  Box outer(nesting());
  Pipe made, go;
  const pid_t child = outer.start([&] {
    Box inner;
    const int id = inner.id();
    EXPECT_EQ(write(made.write, &id, sizeof id), static_cast<ssize_t>(sizeof id));
    go.wait();
  });
  int id = -1;
  ASSERT_EQ(read(made.read, &id, sizeof id), static_cast<ssize_t>(sizeof id));
  ContainerStat stat;
  stat.id = id;
  ASSERT_OK(stat_container(stat));
  EXPECT_EQ(stat.parent, outer.id());
  go.notify();
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(NestedContainers, GoWithTheOnesAbove) {
  Box outer(nesting());
  Pipe made;
  const pid_t child = outer.start([&] {
    const int id = create_container(nesting());
    ASSERT_OK(id);
    const pid_t inside = spawn([id] {
      if (join_container(id) != 0) return 1;
      const int deepest = create_container({});
      const pid_t last = fork();
      if (last == 0) {
        join_container(deepest);
        pause();
      }
      pause();
      return 0;
    });
    wait_until_blocked(inside);
    made.notify();
    pause();
  });
  made.wait();
  outer.destroy();
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  ContainerStat stat;
  stat.which = ContainerStat::Which::next_after_id;
  EXPECT_ERRNO(ESRCH, stat_container(stat)) << stat.name;
}

TEST_F(NestedContainers, KeepToTheLimitsAbove) {
  Box outer(nesting());
  outer.set_limit(ContainerLimit::Kind::processes, 3);
  EXPECT_INSIDE(outer, {
    Box inner;
    EXPECT_INSIDE(inner, {
      const pid_t child = fork();  // the third: below the one that joined the outer one
      ASSERT_OK(child);
      if (child == 0) {
        pause();
        _exit(0);
      }
      EXPECT_ERRNO(EAGAIN, fork());
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    });
    const ContainerLimit below = inner.limit(ContainerLimit::Kind::processes);
    EXPECT_EQ(below.peak, 2u);
    EXPECT_EQ(below.refusals, 0u) << "it was refused above";
  });
  const ContainerLimit limit = outer.limit(ContainerLimit::Kind::processes);
  EXPECT_EQ(limit.current, 0u);
  EXPECT_GE(limit.refusals, 1u);
}

TEST_F(NestedContainers, ShowTheFilesOfTheOneAbove) {
  Box outer(nesting());
  EXPECT_INSIDE(outer, {
    const Descriptor file = open_file("/tmp/of-outer", O_CREAT | O_WRONLY);
    ASSERT_OK(file.get());
    Box inner;
    EXPECT_INSIDE(inner, {
      EXPECT_OK(access("/tmp/of-outer", F_OK));
      EXPECT_OK(unlink("/tmp/of-outer"));
    });
    EXPECT_OK(access("/tmp/of-outer", F_OK));
  });
  EXPECT_ERRNO(ENOENT, access("/tmp/of-outer", F_OK));
}

}  // namespace
}  // namespace cv6::guest
