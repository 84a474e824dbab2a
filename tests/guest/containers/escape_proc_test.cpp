// Attempts to get out of a container by /proc, and into processes that have joined it.

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/child.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class ContainerEscapeByProc : public ContainersAndFiles {};

// Everybody sees the same inodes there.
TEST_F(ContainerEscapeByProc, AttributesAndLocksOfProc) {
  struct stat before, after;
  ASSERT_OK(stat("/proc", &before));
  Box box;
  EXPECT_INSIDE(box, {
    for (const char* name : {"/proc", "/proc/meminfo", "/proc/self/status"}) {
      EXPECT_ERRNO(EPERM, chmod(name, 0777));
      EXPECT_ERRNO(EPERM, chown(name, 1, 1));
      EXPECT_ERRNO(EPERM, utimensat(AT_FDCWD, name, nullptr, 0));
    }
    const Descriptor file = open_file("/proc/meminfo", O_RDONLY);
    EXPECT_ERRNO(ENOLCK, flock(file, LOCK_EX | LOCK_NB));
  });
  ASSERT_OK(stat("/proc", &after));
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(after.st_uid, before.st_uid);
}

// Of processes above and beside there is nothing to be found.
TEST_F(ContainerEscapeByProc, OtherProcessesAreNotInProc) {
  Box box;
  Box other;
  const pid_t neighbour = spawn_helper(other.id(), "container-pause");
  ASSERT_OK(neighbour);
  const pid_t self = getpid();
  const std::string name = other.stat().name;
  EXPECT_INSIDE(box, {
    for (const pid_t pid : {self, neighbour, 1}) {
      const std::string base = "/proc/" + std::to_string(pid);
      for (const char* file :
           {"", "/root", "/cwd", "/exe", "/fd", "/environ", "/cmdline", "/mem", "/maps", "/task", "/stat"})
        EXPECT_ERRNO(ENOENT, ::open((base + file).c_str(), O_RDONLY)) << base << file;
      EXPECT_ERRNO(ENOENT, ::open((base + "/mem").c_str(), O_WRONLY));
      EXPECT_ERRNO(ENOENT, ::open((base + "/comm").c_str(), O_WRONLY));
    }
    EXPECT_EQ(read_file("/proc/cv6/containers").find(name), std::string::npos);
  });
}

// A link of the container's to /proc/1, say, would lead who looks at its files to a process of outside.
TEST_F(ContainerEscapeByProc, NoProcessesInProcOfWhoOnlyLooksIn) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(view_container(box.id()));
    EXPECT_ERRNO(ENOENT, ::open("/proc/1/environ", O_RDONLY));
    EXPECT_ERRNO(ENOENT, ::open("/proc/self/environ", O_RDONLY));
    DIR* proc = opendir("/proc");
    ASSERT_NE(proc, nullptr);
    while (const dirent* entry = readdir(proc)) EXPECT_EQ(atoi(entry->d_name), 0) << entry->d_name;
    closedir(proc);
    EXPECT_OK(access("/proc/meminfo", F_OK));
  });
}

// Nor do the numbers of inodes tell those that processes have outside.
TEST_F(ContainerEscapeByProc, InodesOfProcHaveNumbersOfTheContainer) {
  const Mapping shared(page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  auto* const numbers = shared.as<ino_t>();
  for (int i = 0; i < 2; ++i) {
    Box box;
    const pid_t resident = box.start_resident([&] {
      struct stat status;
      ASSERT_OK(stat("/proc/self/", &status));
      numbers[i] = status.st_ino;
    });
    EXPECT_TRUE(reap(resident).exited(0));
  }
  EXPECT_EQ(numbers[0], numbers[1]) << "each was the first process of its container";
}

// Files of /proc that were opened before say nothing about others either, or what they said then.
TEST_F(ContainerEscapeByProc, DirectoriesOfProcOpenedBefore) {
  Box box;
  const Descriptor proc = open_file("/proc", O_RDONLY | O_DIRECTORY);
  const Descriptor parent = open_file("/proc/1", O_RDONLY | O_DIRECTORY);
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EXDEV, openat(parent, "root", O_RDONLY));
    EXPECT_ERRNO(EXDEV, openat(parent, "environ", O_RDONLY));
    EXPECT_ERRNO(EXDEV, openat(proc, "1/root/etc", O_RDONLY));
    EXPECT_ERRNO(EXDEV, openat(proc, "self", O_RDONLY));
    EXPECT_ERRNO(EXDEV, fchdir(parent));
  });
}

// Exits with how many ways into the process there are.
const Helper look_into_helper{"container-look-into", [](std::span<char*> arguments) {
                                const std::string process = std::string("/proc/") + arguments[0] + "/";
                                int ways = 0;
                                for (const char* file : {"mem", "environ", "maps", "smaps", "auxv"})
                                  for (const int mode : {O_RDONLY, O_RDWR}) {
                                    char byte;
                                    const Descriptor opened(open((process + file).c_str(), mode));
                                    ways += opened >= 0 && (read(opened, &byte, 1) == 1 || errno != EACCES);
                                  }
                                for (const char* link : {"exe", "cwd", "root", "fd/2"}) {
                                  char text[100];
                                  ways += readlink((process + link).c_str(), text, sizeof text) != -1;
                                }
                                return ways;
                              }};

// Its program is of outside, and it can go back there with whatever is written into it.
TEST_F(ContainerEscapeByProc, WhoHasJoinedIsNotLookedInto) {
  Box box;
  Pipe numbers, until;
  const pid_t joined = box.start([&] {
    until.write.close();
    const pid_t child = spawn([&] { return until.wait() ? 1 : 0; });
    EXPECT_FALSE(read_file("/proc/" + std::to_string(child) + "/maps").empty());  // both are of outside
    const pid_t both[] = {getpid(), child};
    EXPECT_EQ(write(numbers.write, both, sizeof both), static_cast<ssize_t>(sizeof both));
    EXPECT_FALSE(until.wait());
    reap(child);
    ASSERT_OK(leave_container());
    EXPECT_EQ(cid(), host_container);
  });
  pid_t both[2];
  ASSERT_EQ(read(numbers.read, both, sizeof both), static_cast<ssize_t>(sizeof both));
  for (const pid_t number : both) {
    const pid_t helper = spawn_helper(box.id(), "container-look-into", {std::to_string(number)});
    ASSERT_OK(helper);
    const Ending ending = reap(helper);
    EXPECT_TRUE(ending.exited(0)) << ending;
  }
  until.write.close();
  EXPECT_TRUE(reap(joined).exited(0));
}

const Helper leave_helper{"container-leave", [](std::span<char*>) { return leave_container() == 0 ? 7 : 8; }};

TEST_F(ContainerEscapeByProc, AProgramThatIsExecutedInsideStaysThere) {
  Box box;
  const pid_t child = spawn([&]() -> int {
    char program[512] = {};
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0 || join_container(box.id()) != 0) return 1;
    execl(program, "guest-tests", "--helper", "container-leave", nullptr);
    return 2;
  });
  EXPECT_TRUE(reap(child).exited(0));
}

}  // namespace
}  // namespace cv6::guest
