// view_container: the files of a container seen by a process that stays outside.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containers/tree.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class ContainerView : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    write_file("file", "outside");
    ASSERT_OK(mkdir("directory", 0755));
  }
  void change_inside(const Box& box) {
    EXPECT_INSIDE(box, {
      write_file(path("file"), "inside");
      write_file(path("new"), "new");
    });
  }
};

TEST_F(ContainerView, ShowsItsFilesAndNothingElseOfIt) {
  Box box;
  change_inside(box);
  EXPECT_CHILD({
    const pid_t pid = getpid();
    ASSERT_OK(view_container(box.id()));
    EXPECT_EQ(read_file(path("file")), "inside");
    EXPECT_EQ(read_file(path("new")), "new");
    char text[64];
    EXPECT_STREQ(getcwd(text, sizeof text), "/");
    EXPECT_EQ(getpid(), pid);
    EXPECT_EQ(cid(), host_container);
    EXPECT_EQ(box.processes(), 0u);
    write_file(path("file"), "by the viewer");
    ASSERT_OK(view_container(host_container));
    EXPECT_EQ(read_file(path("file")), "outside");
  });
  EXPECT_EQ(read_file("file"), "outside");
  EXPECT_INSIDE(box, EXPECT_EQ(read_file(path("file")), "by the viewer"));
}

TEST_F(ContainerView, WhatIsOpenStaysOpen) {
  Box box;
  change_inside(box);
  EXPECT_CHILD({
    const Descriptor outside = open_file("file", O_RDWR);
    ASSERT_OK(view_container(box.id()));
    const Descriptor inside = open_file(path("file").c_str(), O_RDWR);
    char text[16] = "";
    ASSERT_EQ(pread(outside, text, 7, 0), 7);
    EXPECT_STREQ(text, "outside");
    ASSERT_OK(view_container(cid()));
    ASSERT_EQ(pread(inside, text, 6, 0), 6);
    text[6] = '\0';
    EXPECT_STREQ(text, "inside");
    ASSERT_EQ(pwrite(outside, "OUT", 3, 0), 3);
    ASSERT_EQ(pwrite(inside, "IN", 2, 0), 2);
  });
  EXPECT_EQ(read_file("file"), "OUTside");
  EXPECT_INSIDE(box, EXPECT_EQ(read_file(path("file")), "INside"));
}

TEST_F(ContainerView, DirectoriesOfTheOtherTreeLeadNowhere) {
  Box box;
  EXPECT_CHILD({
    const Descriptor outside = open_file(".", O_RDONLY | O_DIRECTORY);
    ASSERT_OK(view_container(box.id()));
    struct stat status;
    EXPECT_ERRNO(EXDEV, openat(outside, "file", O_RDONLY));
    EXPECT_ERRNO(EXDEV, openat(outside, "..", O_RDONLY));
    EXPECT_ERRNO(EXDEV, fstatat(outside, "file", &status, 0));
    EXPECT_ERRNO(EXDEV, fchdir(outside));
    EXPECT_ERRNO(ENOENT, chdir(("/proc/self/fd/" + std::to_string(outside)).c_str()));
    EXPECT_GT(names_in("/").size(), 0u);
    const Descriptor inside = open_file(path().c_str(), O_RDONLY | O_DIRECTORY);
    ASSERT_OK(view_container(host_container));
    EXPECT_ERRNO(EXDEV, openat(inside, "file", O_RDONLY));
    EXPECT_OK(faccessat(outside, "file", F_OK, 0));
  });
}

TEST_F(ContainerView, ChildrenHaveIt) {
  Box box;
  change_inside(box);
  EXPECT_CHILD({
    ASSERT_OK(view_container(box.id()));
    EXPECT_CHILD(EXPECT_EQ(read_file(path("file")), "inside"));
  });
}

// It does not count as one of the container's processes, and what it holds of it goes with it.
TEST_F(ContainerView, OfADestroyedContainerIsLost) {
  Pipe viewed, destroyed;
  Box box;
  change_inside(box);
  const ObjectCounts before = count_objects();
  const pid_t viewer = spawn_checked([&] {
    ASSERT_OK(view_container(box.id()));
    viewed.notify();
    destroyed.wait();
    EXPECT_ERRNO(ESRCH, view_container(box.id()));
    ASSERT_OK(view_container(host_container));
  });
  viewed.wait();
  const int id = box.id();
  box.destroy();
  destroyed.notify();
  EXPECT_TRUE(reap(viewer).exited(0));
  EXPECT_ERRNO(ESRCH, view_container(id));
  EXPECT_LT(count_objects()["view_file"], before.at("view_file"));
}

TEST_F(ContainerView, Errors) {
  Box box;
  EXPECT_ERRNO(ESRCH, view_container(12345));
  EXPECT_CHILD({
    ASSERT_OK(setuid(1));
    EXPECT_ERRNO(EPERM, view_container(box.id()));
    EXPECT_ERRNO(EPERM, view_container(host_container));
  });
  EXPECT_INSIDE(box, EXPECT_ERRNO(EBUSY, view_container(box.id())));
  EXPECT_INSIDE(box, EXPECT_ERRNO(ESRCH, view_container(host_container)));
}

// A view from which a process joins is what its leave brings back.
TEST_F(ContainerView, ThenJoinAndLeave) {
  Box viewed, joined;
  change_inside(viewed);
  EXPECT_CHILD({
    ASSERT_OK(view_container(viewed.id()));
    ASSERT_OK(join_container(joined.id()));
    EXPECT_EQ(read_file(path("file")), "outside");
    ASSERT_OK(leave_container());
    EXPECT_EQ(read_file(path("file")), "inside");
  });
}

TEST_F(ContainerView, ProcessesInsideDoNotSeeTheViewer) {
  Box box;
  Pipe viewed, done;
  const pid_t viewer = spawn_checked([&] {
    ASSERT_OK(view_container(box.id()));
    viewed.notify();
    done.wait();
  });
  viewed.wait();
  EXPECT_INSIDE(box, {
    EXPECT_EQ(names_in("/proc/self/task").size(), 1u);
    EXPECT_FALSE(exists("/proc/" + std::to_string(viewer) + "/status"));
  });
  done.notify();
  EXPECT_TRUE(reap(viewer).exited(0));
}

}  // namespace
}  // namespace cv6::guest
