// Containers that end while others mount volumes in them, look at their files, list what they changed, and copy out of them.

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/soak.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class FilesRace : public ContainersAndFiles {
 protected:
  void SetUp() override {
    ContainersAndFiles::SetUp();
    ASSERT_OK(mkdir("shared", 0755));
    write_file("shared/file", "shared");
    write_file("file", std::string(300000, 'f'));
  }
};

// Only what may fail because the container has just gone, a name in it, or because the volume is there already.
bool may_fail_with(int error) {
  if (error == ESRCH || error == ENOENT || error == ENOTDIR || error == EEXIST || error == EBUSY) return true;
  ADD_FAILURE() << strerror(error);
  return false;
}

// Does it over and over until it is killed; exits with 1 if it sees what cannot be.
pid_t start_loop(const std::function<bool()>& step) {
  return spawn([&]() -> int {
    while (step()) {
    }
    return 1;
  });
}

TEST_F(FilesRace, ContainersGoUnderTheirUsers) {
  const std::string directory = path();
  const pid_t users[] = {
      start_loop([&] {  // volumes
        for (int id = 0; id < 4; ++id) {
          ContainerMount wanted;
          wanted.id = id;
          wanted.source = "shared";
          wanted.target = "/a/b";
          if (mount_in_container(wanted) != 0 && !may_fail_with(errno)) return false;
        }
        return true;
      }),
      start_loop([&] {  // lists of changes
        for (int id = 0; id < 4; ++id) {
          const int fd = open_container_changes(id);
          if (fd < 0 && !may_fail_with(errno)) return false;
          char text[4096];
          while (fd >= 0 && read(fd, text, sizeof text) > 0) {
          }
          if (fd >= 0) close(fd);
        }
        return true;
      }),
      start_loop([&] {  // copies out of it, and into it
        const Descriptor copy = open_file((directory + "/copy").c_str(), O_RDWR | O_CREAT);
        for (int id = 0; id < 4; ++id) {
          if (view_container(id) != 0) {
            if (!may_fail_with(errno)) return false;
            continue;
          }
          const Descriptor inside = open_file((directory + "/file").c_str(), O_RDWR);
          if (inside >= 0) {
            ioctl(copy, FICLONE, inside.get());
            copy_file_range(copy, nullptr, inside, nullptr, 100000, 0);
          }
          mkdir("/a/b/from-outside", 0755);
          rmdir("/a/b/from-outside");
          if (view_container(host_container) != 0) return false;
        }
        return chdir(directory.c_str()) == 0;
      })};
  for (int round = 0; round < times(50, 1000) && !HasFailure(); ++round) {
    Box first, second;
    const auto work = [&] {
      for (int i = 0; i < 20; ++i) {
        write_file("file", std::string(5000, 'x'));
        rename("file", "renamed");
        mkdir("/a", 0755);
        write_file("/a/own", "own");
        rename("/a", "/c");
        link("renamed", "file");
        unlink("renamed");
        chdir("/c/b");
        chdir("..");
        chdir(directory.c_str());
      }
    };
    const auto start = [&](const Box& box) {
      return spawn([&, id = box.id()] {
        if (join_container(id) == 0) work();  // else it has gone
        return 0;
      });
    };
    const pid_t a = start(first), b = start(second);
    if (round % 2) first.destroy();
    reap(a);
    if (round % 3 == 0) second.destroy();
    reap(b);
  }
  for (const pid_t user : users) {
    kill(user, SIGKILL);
    const Ending ending = reap(user);
    EXPECT_TRUE(ending.killed_by(SIGKILL)) << ending;
  }
  EXPECT_EQ(read_file("file"), std::string(300000, 'f'));
  EXPECT_EQ(read_file("shared/file"), "shared");
}

// A directory of a volume is moved out of it and in again while a process inside climbs out of that directory: what is
// beside it outside is never found.
TEST_F(FilesRace, NoWayLeadsOutOfAVolumeThroughAMovingDirectory) {
  ASSERT_OK(mkdir("shared/moving", 0755));
  ASSERT_OK(mkdir("outside", 0755));
  write_file("outside/secret", "outside");
  Box box;
  ASSERT_OK(mount_into(box, "shared", "/data"));
  Pipe ready;
  const pid_t inside = box.start([&] {
    ASSERT_OK(chdir("/data/moving"));
    ready.notify();
    struct stat status;
    for (int i = 0; i < times(20'000, 1'000'000); ++i) {
      ASSERT_ERRNO(ENOENT, stat("../secret", &status)) << i;
      ASSERT_ERRNO(ENOENT, stat("/data/moving/../secret", &status)) << i;
    }
  });
  ready.wait();
  const pid_t mover = start_loop([] {
    return rename("shared/moving", "outside/moving") == 0 && rename("outside/moving", "shared/moving") == 0;
  });
  EXPECT_TRUE(reap(inside).exited(0));
  kill(mover, SIGKILL);
  EXPECT_TRUE(reap(mover).killed_by(SIGKILL));
}

// What is known of a directory is dropped as a whole by its rmdir, and name by name by who finds that a name is no
// longer true below: each name once.
TEST_F(FilesRace, NamesAreDroppedByTwoAtOnce) {
  constexpr int names = 64;
  const auto name = [](int i) { return "gone/sub/" + std::to_string(i); };
  const auto tell = [&] {
    ASSERT_OK(mkdir("gone", 0755));
    ASSERT_OK(mkdir("gone/sub", 0755));
    for (int i = 0; i < names; ++i) ASSERT_OK(mkdir(name(i).c_str(), 0755));
    Box box;
    Pipe known, removed;
    const pid_t looks = box.start([&] {
      ASSERT_OK(chdir("gone/sub"));
      struct stat status;
      for (int i = 0; i < names; ++i) ASSERT_OK(stat(std::to_string(i).c_str(), &status));
      known.notify();
      removed.wait();
      for (int i = 0; i < names; ++i) EXPECT_ERRNO(ENOENT, stat(std::to_string(i).c_str(), &status));
    });
    known.wait();
    remove_tree("gone/sub");
    const pid_t removes = box.start([&] {
      removed.notify();
      ASSERT_OK(rmdir("gone"));
    });
    EXPECT_TRUE(reap(looks).exited(0));
    EXPECT_TRUE(reap(removes).exited(0));
    ASSERT_OK(rmdir("gone"));
  };
  for (int i = 0; i < 5; ++i) tell();
  const ObjectCounts before = lasting(count_objects());
  for (int round = 0; round < times(100, 2000) && !HasFailure(); ++round) tell();
  EXPECT_TRUE(wait_until([&] { return growth(before, lasting(count_objects())).empty(); }))
      << growth(before, lasting(count_objects()));
}

// A directory is removed, or replaced, while something is mounted there: one of the two fails.
TEST_F(FilesRace, NothingIsMountedOnWhatIsRemoved) {
  for (int round = 0; round < times(300) && !HasFailure(); ++round) {
    ASSERT_OK(mkdir("place", 0755));
    Pipe ready, go;
    const pid_t mounts = spawn([&] {
      ready.notify();
      go.wait();
      if (mount("tmpfs", "place", "tmpfs", 0, nullptr) == 0) return 0;
      return errno == ENOENT ? 1 : 2;
    });
    ready.wait();
    go.notify();
    int removed = -1;
    if (round % 2) {
      removed = rmdir("place");
    } else {
      ASSERT_OK(mkdir("other", 0755));
      removed = rename("other", "place");
    }
    const bool busy = removed == -1 && errno == EBUSY;
    EXPECT_TRUE(removed == 0 || busy) << strerror(errno);
    const Ending mounted = reap(mounts);
    if (busy) {
      EXPECT_TRUE(mounted.exited(0)) << mounted;
      if (round % 2 == 0) ASSERT_OK(rmdir("other"));
    } else if (round % 2) {
      EXPECT_TRUE(mounted.exited(1)) << mounted;
    }
    // What replaced the directory may have been found by the mount.
    if (mounted.exited(0)) ASSERT_OK(umount("place"));
    if (exists("place")) ASSERT_OK(rmdir("place"));
  }
}

// Both sides of a shared copy are written to, through calls and mappings, while it is made again and again.
TEST_F(FilesRace, SharedCopiesUnderWriters) {
  constexpr std::size_t size = 64 * page_size;
  write_file("one", std::string(size, 'a'));
  write_file("two", std::string(size, 'a'));
  const pid_t writers[] = {start_loop([&] {
                             const Descriptor one = open_file("one", O_RDWR);
                             Mapping mapping(size, PROT_READ | PROT_WRITE, MAP_SHARED, one);
                             for (std::size_t at = 0; at < size; at += 512) mapping.as()[at] = 'a';
                             return true;
                           }),
                           start_loop([&] {
                             const Descriptor two = open_file("two", O_RDWR);
                             for (std::size_t at = 0; at < size; at += page_size) pwrite(two, "b", 1, at + 5);
                             return true;
                           })};
  for (int round = 0; round < times(300) && !HasFailure(); ++round) {
    const Descriptor one = open_file("one", O_RDWR), two = open_file("two", O_RDWR);
    const std::size_t offset = round % 64 * page_size;
    file_clone_range range{one, offset, size - offset, offset};
    if (round % 5 == 0) range = {one, 0, 0, 0};
    ASSERT_OK(ioctl(two, FICLONERANGE, &range));
  }
  for (const pid_t writer : writers) {
    kill(writer, SIGKILL);
    reap(writer);
  }
  EXPECT_EQ(read_file("one"), std::string(size, 'a'));  // whatever was written to the other
  const std::string two = read_file("two");
  for (std::size_t at = 0; at < size; ++at)
    ASSERT_TRUE(two[at] == 'a' || (two[at] == 'b' && at % page_size == 5)) << at;
}

}  // namespace
}  // namespace cv6::guest
