// Leaving a container that was joined.

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
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerLeave : public ContainersAndFiles {};

TEST_F(ContainerLeave, OnTheHostIsESRCH) { EXPECT_ERRNO(ESRCH, leave_container()); }

TEST_F(ContainerLeave, EndsOneThatLivesInside) {
  Box box;
  EXPECT_INSIDE(box, {
    const Ending ending = run([] {
      leave_container();
      return 9;
    });
    EXPECT_TRUE(ending.exited(0)) << ending;
    EXPECT_EQ(cid(), box.id());
  });
  const pid_t spawned = spawn_helper(box.id(), "container-leave");
  ASSERT_OK(spawned);
  EXPECT_TRUE(reap(spawned).exited(0));
}

TEST_F(ContainerLeave, EndsAllThreadsOfOneThatLivesInside) {
  Box box;
  EXPECT_INSIDE(box, {
    const Ending ending = run([] {
      std::thread([] {
        for (;;) pause();
      }).detach();
      std::thread([] { leave_container(); }).join();
      return 9;
    });
    EXPECT_TRUE(ending.exited(0)) << ending;
  });
}

TEST_F(ContainerLeave, ClosesFilesOpenedInside) {
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    const int before = ::open("file", O_RDONLY);
    ASSERT_OK(join_container(box.id()));
    const int inside = ::open("file", O_RDONLY);
    const int directory = ::open(".", O_RDONLY | O_DIRECTORY);
    const int path_only = ::open("file", O_PATH);
    const int copy = fcntl(inside, F_DUPFD, 500);
    const int processes = ::open("/proc/self/status", O_RDONLY);
    const int device = ::open("/dev/null", O_RDWR);
    ASSERT_OK(inside);
    ASSERT_OK(directory);
    ASSERT_OK(path_only);
    ASSERT_OK(copy);
    ASSERT_OK(processes);
    ASSERT_OK(device);
    ASSERT_OK(leave_container());
    for (const int fd : {inside, directory, path_only, copy, processes, device})
      EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
    EXPECT_OK(fcntl(before, F_GETFD));
  });
}

TEST_F(ContainerLeave, ClosesThemWhereverTheyCameFrom) {
  // A descriptor table shared by threads. (A file that a resident opened and passed: sockets_test.cpp.) What fork copied goes
  // the same way.
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    int fd = -1;
    std::thread([&] { fd = ::open("file", O_RDWR); }).join();
    ASSERT_OK(fd);
    std::thread([&] { EXPECT_OK(leave_container()); }).join();
    EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
  });
}

TEST_F(ContainerLeave, RemovesMappingsOfThem) {
  Box box;
  write_file("file", "text");
  EXPECT_CHILD({
    const int before = ::open("file", O_RDWR);
    Mapping outside(page_size, PROT_READ, MAP_SHARED, before);
    Mapping anonymous(page_size);
    *anonymous.as() = 'a';
    ASSERT_OK(join_container(box.id()));
    const int fd = ::open("file", O_RDWR);
    Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    Mapping own(page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    ASSERT_TRUE(shared.ok() && own.ok());
    Mapping kept(page_size);
    *kept.as() = 'k';
    *shared.as() = 'T';
    *own.as() = 'O';
    ::close(fd);
    ASSERT_OK(leave_container());
    unsigned char resident[1];
    EXPECT_ERRNO(ENOMEM, mincore(shared.page(0), page_size, resident));
    EXPECT_ERRNO(ENOMEM, mincore(own.page(0), page_size, resident));
    EXPECT_EQ(*outside.as(), 't');
    EXPECT_EQ(*anonymous.as(), 'a');
    EXPECT_EQ(*kept.as(), 'k');
    EXPECT_KILLED_BY(SIGSEGV, *static_cast<volatile char*>(shared.as()) = 1);
  });
}

TEST_F(ContainerLeave, RestoresTheDirectories) {
  Box box;
  ASSERT_OK(mkdir("root", 0755));
  ASSERT_OK(mkdir("root/below", 0755));
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    ASSERT_OK(chdir("/proc"));
    ASSERT_OK(leave_container());
    char text[512];
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_EQ(text, path());
    // One that has changed its root.
    ASSERT_OK(chroot("root"));
    ASSERT_OK(chdir("/below"));
    ASSERT_OK(join_container(box.id()));
    EXPECT_TRUE(exists("/proc/self"));
    ASSERT_OK(leave_container());
    EXPECT_FALSE(exists("/proc/self"));
    ASSERT_NE(getcwd(text, sizeof text), nullptr);
    EXPECT_STREQ(text, "/below");
  });
}

TEST_F(ContainerLeave, KeepsPipesAndMemory) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    Pipe pipe;
    pipe.notify();
    ASSERT_OK(leave_container());
    EXPECT_TRUE(pipe.wait());
  });
}

TEST_F(ContainerLeave, TheContainerMayGoAfterwards) {
  EXPECT_CHILD({
    Box box;
    ASSERT_OK(join_container(box.id()));
    Mapping mapping(64 * page_size);
    memset(mapping.as(), 7, mapping.length());
    ASSERT_OK(leave_container());
    box.destroy();
    for (std::size_t at = 0; at < mapping.length(); ++at) ASSERT_EQ(mapping.as()[at], 7);
  });
}

}  // namespace
}  // namespace cv6::guest
