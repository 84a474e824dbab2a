// What is remembered about a container: when it began and ended and how, its name, notes; when it goes by itself.
#include <sys/wait.h>
#include <unistd.h>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerLives : public Containers {};
class ContainerNotes : public Containers {};

TEST_F(ContainerLives, AreRemembered) {
  Box box;
  EXPECT_NE(box.stat().created, 0u);
  EXPECT_EQ(box.stat().started, 0u);
  EXPECT_EQ(box.stat().starts, 0u);
  const pid_t child = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(child);
  ContainerStat stat = box.stat();
  EXPECT_EQ(stat.first_process, child);
  EXPECT_GE(stat.started, stat.created);
  EXPECT_EQ(stat.ended, 0u);
  kill(child, SIGKILL);
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
  stat = box.stat();
  EXPECT_EQ(stat.first_process, 0);
  EXPECT_GE(stat.ended, stat.started);
  EXPECT_EQ(stat.status, SIGKILL);
  EXPECT_EQ(stat.starts, 1u);
  const pid_t again = spawn_helper(box.id(), "container-exit", {"7"});
  EXPECT_TRUE(reap(again).exited(7));
  EXPECT_EQ(WEXITSTATUS(box.stat().status), 7);
  EXPECT_EQ(box.stat().starts, 2u);
}

TEST_F(ContainerLives, CanBeWaitedFor) {
  Box box;
  EXPECT_EQ(wait_container(box.id()), 0);
  const pid_t child = spawn_helper(box.id(), "container-pause");
  ASSERT_OK(child);
  const int id = box.id();
  const pid_t waiter = spawn_checked([=] { EXPECT_EQ(wait_container(id), SIGTERM); });
  wait_until_blocked(waiter);
  kill(child, SIGTERM);
  EXPECT_TRUE(reap(waiter).exited(0));
  EXPECT_TRUE(reap(child).killed_by(SIGTERM));
  EXPECT_ERRNO(ESRCH, wait_container(1'000'000));
}

int create_temporary(std::uint64_t flags = 0) {
  ContainerCreate wanted;
  wanted.flags = flags | ContainerCreate::temporary;
  return create_container(wanted);
}

TEST_F(ContainerLives, TemporaryOnesEndWithTheirProcesses) {
  const int id = create_temporary();
  ASSERT_OK(id);
  ContainerStat stat;
  stat.id = id;
  ASSERT_OK(stat_container(stat));
  EXPECT_EQ(stat.flags, ContainerCreate::temporary);
  const pid_t child = spawn_helper(id, "container-exit", {"3"});
  ASSERT_OK(child);
  EXPECT_TRUE(reap(child).exited(3));
  EXPECT_TRUE(wait_until([&] { return stat_container(stat) == -1 && errno == ESRCH; }));
}

TEST_F(ContainerLives, TemporaryOnesEndWhenTheLastProcessLeaves) {
  const int id = create_temporary();
  ASSERT_OK(id);
  EXPECT_CHILD({
    ASSERT_OK(join_container(id));
    ASSERT_OK(leave_container());
    ContainerStat stat;
    stat.id = id;
    EXPECT_ERRNO(ESRCH, stat_container(stat));
  });
}

// The last one has joined a container below: it could come back, until it ends there.
TEST_F(ContainerLives, TemporaryOnesEndWithTheLastProcessThatIsBelow) {
  const int id = create_temporary(ContainerCreate::may_nest);
  ASSERT_OK(id);
  EXPECT_CHILD({
    Pipe gate;
    ASSERT_OK(join_container(id));
    ASSERT_OK(spawn_checked([&] {
      gate.write.close();
      gate.wait();
      const int below = create_container(ContainerCreate{});
      ASSERT_OK(below);
      ASSERT_OK(join_container(below));
    }));
    ASSERT_OK(leave_container());
    ContainerStat stat;
    stat.id = id;
    EXPECT_OK(stat_container(stat));
    gate.write.close();
    Ending ending;
    ASSERT_OK(waitpid(-1, &ending.status, 0));  // by a number that it has here now
    EXPECT_TRUE(ending.exited(0));
    EXPECT_TRUE(wait_until([&] { return stat_container(stat) == -1 && errno == ESRCH; }));
  });
}

// Another one leaves meanwhile: the one below comes back all the same.
TEST_F(ContainerLives, TemporaryOnesStayForAProcessThatIsBelow) {
  const int id = create_temporary(ContainerCreate::may_nest);
  ASSERT_OK(id);
  EXPECT_CHILD({
    Pipe joined, gate;
    ASSERT_OK(join_container(id));
    ASSERT_OK(spawn_checked([&] {
      gate.write.close();
      const int below = create_container(ContainerCreate{});
      ASSERT_OK(below);
      ASSERT_OK(join_container(below));
      joined.notify();
      gate.wait();
      ASSERT_OK(leave_container());
      EXPECT_EQ(cid(), id);
      ASSERT_OK(destroy_container(below));
    }));
    ASSERT_TRUE(joined.wait());
    ASSERT_OK(leave_container());
    gate.write.close();
    Ending ending;
    ASSERT_OK(waitpid(-1, &ending.status, 0));
    EXPECT_TRUE(ending.exited(0)) << ending;
    ContainerStat stat;
    stat.id = id;
    EXPECT_TRUE(wait_until([&] { return stat_container(stat) == -1 && errno == ESRCH; }));
  });
}

TEST_F(ContainerLives, TemporaryOnesLeaveNothing) {
  const auto once = [] {
    const int id = create_temporary();
    reap(spawn_helper(id, "container-exit", {"0"}));
    ContainerStat stat;
    stat.id = id;
    wait_until([&] { return stat_container(stat) == -1; });
  };
  for (int i = 0; i < 20; ++i) once();
  const ObjectCounts before = count_objects();
  for (int i = 0; i < 100; ++i) once();
  const ObjectCounts after = count_objects();
  for (const char* kind : {"container", "process", "view_directory", "pid"})
    EXPECT_LE(after.at(kind), before.at(kind) + 2) << kind;
}

TEST_F(ContainerLives, UnknownWishesAreRefused) {
  ContainerCreate wanted;
  wanted.flags = 1u << 20;
  EXPECT_ERRNO(EINVAL, create_container(wanted));
}

TEST_F(ContainerNotes, AreGivenBack) {
  Box box;
  char text[32] = {};
  ContainerAnnotation note{box.id(), ContainerAnnotation::Operation::get, text, sizeof text};
  EXPECT_EQ(container_annotation(note), 0);
  char wanted[] = "remember the milk";
  EXPECT_EQ(container_annotation({box.id(), ContainerAnnotation::Operation::set, wanted, 17}), 17);
  EXPECT_EQ(container_annotation(note), 17);
  EXPECT_STREQ(text, wanted);
  note.size = 8;
  memset(text, 0, sizeof text);
  EXPECT_EQ(container_annotation(note), 17);
  EXPECT_STREQ(text, "remember");
  EXPECT_ERRNO(EINVAL, container_annotation({box.id(), ContainerAnnotation::Operation::set, wanted, ContainerAnnotation::longest + 1}));
  EXPECT_ERRNO(EFAULT, container_annotation({box.id(), ContainerAnnotation::Operation::set, nullptr, 10}));
  EXPECT_EQ(container_annotation({box.id(), ContainerAnnotation::Operation::set, wanted, 0}), 0);
  EXPECT_EQ(container_annotation(note), 0);
}

TEST_F(ContainerNotes, ContainersCanBeRenamed) {
  Box first, second;
  EXPECT_OK(rename_container(first.id(), "first-one"));
  EXPECT_STREQ(first.stat().name, "first-one");
  EXPECT_ERRNO(EEXIST, rename_container(second.id(), "first-one"));
  EXPECT_OK(rename_container(first.id(), "first-one"));
  for (const char* bad : {"", "a b", "a/b", "a\n"}) EXPECT_ERRNO(EINVAL, rename_container(first.id(), bad)) << bad;
  EXPECT_ERRNO(EINVAL, rename_container(first.id(), std::string(65, 'x').c_str()));
  ContainerStat stat;
  stat.which = ContainerStat::Which::by_name;
  strcpy(stat.name, "first-one");
  EXPECT_OK(stat_container(stat));
  EXPECT_EQ(stat.id, first.id());
  EXPECT_OK(rename_container(first.id(), "other"));
  EXPECT_OK(rename_container(second.id(), "first-one"));
  EXPECT_ERRNO(ESRCH, rename_container(1'000'000, "x"));
}

TEST_F(ContainerNotes, NobodyInsideChangesThem) {
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(ESRCH, rename_container(box.id(), "x"));
    EXPECT_ERRNO(ESRCH, open_container_console({box.id(), 0}));
    EXPECT_ERRNO(ESRCH, container_annotation({box.id(), ContainerAnnotation::Operation::get, nullptr, 0}));
  });
}

}  // namespace
}  // namespace cv6::guest
