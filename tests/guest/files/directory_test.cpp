// Directories: getdents64, large and deep ones, getcwd, chdir, chroot.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

struct RawEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

class Directory : public TempDir {
 protected:
  // All names of an open directory from its position on, read with buffers of that size; with duplicates.
  std::vector<std::string> names(int fd, std::size_t buffer_size = 4096) {
    std::vector<std::string> result;
    std::vector<char> buffer(buffer_size);
    for (;;) {
      const long length = syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
      EXPECT_OK(length);
      if (length <= 0) return result;
      for (long at = 0; at < length;) {
        const auto* entry = reinterpret_cast<const RawEntry*>(buffer.data() + at);
        EXPECT_EQ(entry->length % 8, 0);
        result.emplace_back(entry->name);
        at += entry->length;
      }
    }
  }
  std::set<std::string> name_set(const char* path) {
    Descriptor directory = open_file(path, O_RDONLY | O_DIRECTORY);
    const auto all = names(directory);
    std::set<std::string> set(all.begin(), all.end());
    EXPECT_EQ(set.size(), all.size()) << "a name twice";
    return set;
  }
};

TEST_F(Directory, EmptyHasDotAndDotdot) {
  ASSERT_OK(mkdir("d", 0755));
  EXPECT_EQ(name_set("d"), (std::set<std::string>{".", ".."}));
}

TEST_F(Directory, TypesAndInodes) {
  write_file("file", "");
  ASSERT_OK(mkdir("directory", 0755));
  ASSERT_OK(symlink("x", "link"));
  ASSERT_OK(mkfifo("fifo", 0600));
  DIR* stream = opendir(".");
  ASSERT_NE(stream, nullptr);
  int seen = 0;
  while (const dirent* entry = readdir(stream)) {
    struct stat status;
    ASSERT_OK(lstat(entry->d_name, &status));
    EXPECT_EQ(entry->d_type, IFTODT(status.st_mode)) << entry->d_name;
    if (strcmp(entry->d_name, "..") != 0) EXPECT_EQ(entry->d_ino, status.st_ino) << entry->d_name;
    ++seen;
  }
  closedir(stream);
  EXPECT_EQ(seen, 6);
}

TEST_F(Directory, SmallBuffersAndErrors) {
  for (int i = 0; i < 20; ++i) write_file("name" + std::to_string(i), "");
  Descriptor directory = open_file(".", O_RDONLY);
  EXPECT_EQ(names(directory, 40).size(), 22u);
  EXPECT_EQ(names(directory).size(), 0u);  // at the end
  EXPECT_EQ(lseek(directory, 0, SEEK_SET), 0);
  EXPECT_EQ(names(directory).size(), 22u);
  lseek(directory, 0, SEEK_SET);
  char buffer[4096];
  EXPECT_ERRNO(EINVAL, syscall(SYS_getdents64, directory.get(), buffer, 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getdents64, directory.get(), wild(), 4096));
  EXPECT_ERRNO(EBADF, syscall(SYS_getdents64, -1, buffer, sizeof buffer));
  Descriptor file = open_file("name0", O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, syscall(SYS_getdents64, file.get(), buffer, sizeof buffer));
}

// Names that do not arrive are told again.
TEST_F(Directory, MemoryThatEndsBeforeTheNames) {
  for (int i = 0; i < 20; ++i) write_file("name" + std::to_string(i), "");
  const Descriptor directory = open_file(".", O_RDONLY);
  std::vector<std::string> all;
  for (std::size_t room = 64; all.size() < 22; ++room) {
    const EdgeBuffer buffer(room);
    const long length = syscall(SYS_getdents64, directory.get(), buffer.as(), 4096);
    ASSERT_GT(length, 0);
    ASSERT_LE(length, (long)room);
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const RawEntry*>(buffer.as() + at);
      all.emplace_back(entry->name);
      at += entry->length;
    }
  }
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 22u);
}

// getdents(2): the type is the record's last byte, and the name ends before it.
TEST_F(Directory, RecordsOfTheFirstKind) {
  struct Record {
    unsigned long inode, offset;
    unsigned short length;
    char name[];
  };
  std::set<std::string> wanted{".", ".."};
  for (int length = 1; length <= 30; ++length) wanted.insert(std::string(length, 'n'));
  for (const std::string& name : wanted)
    if (name[0] == 'n') write_file(name, "");
  Descriptor directory = open_file(".", O_RDONLY);
  alignas(8) char buffer[4096];
  std::set<std::string> seen;
  for (long size; (size = syscall(SYS_getdents, directory.get(), buffer, sizeof buffer)) > 0;) {
    for (long at = 0; at < size;) {
      const auto* record = reinterpret_cast<const Record*>(buffer + at);
      const std::string name = record->name;
      seen.insert(name);
      EXPECT_EQ(reinterpret_cast<const char*>(record)[record->length - 1], name[0] == 'n' ? DT_REG : DT_DIR) << name;
      at += record->length;
    }
  }
  EXPECT_EQ(seen, wanted);
}

TEST_F(Directory, SeekToARememberedPlace) {
  for (int i = 0; i < 50; ++i) write_file("name" + std::to_string(i), "");
  DIR* stream = opendir(".");
  ASSERT_NE(stream, nullptr);
  for (int i = 0; i < 20; ++i) ASSERT_NE(readdir(stream), nullptr);
  const long place = telldir(stream);
  std::vector<std::string> first, second;
  while (const dirent* entry = readdir(stream)) first.push_back(entry->d_name);
  seekdir(stream, place);
  while (const dirent* entry = readdir(stream)) second.push_back(entry->d_name);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.size(), 32u);
  rewinddir(stream);
  int count = 0;
  while (readdir(stream)) ++count;
  EXPECT_EQ(count, 52);
  closedir(stream);
}

TEST_F(Directory, RemovingWhileReading) {
  constexpr int count = 500;
  for (int i = 0; i < count; ++i) write_file("name" + std::to_string(i), "");
  DIR* stream = opendir(".");
  ASSERT_NE(stream, nullptr);
  int removed = 0;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] == '.') continue;
    EXPECT_OK(unlink(entry->d_name)) << entry->d_name;
    ++removed;
  }
  closedir(stream);
  EXPECT_EQ(removed, count);  // every name that was there from the beginning is seen exactly once
}

TEST_F(Directory, AddingWhileReadingEnds) {
  for (int i = 0; i < 100; ++i) write_file("old" + std::to_string(i), "");
  DIR* stream = opendir(".");
  ASSERT_NE(stream, nullptr);
  std::multiset<std::string> seen;
  int added = 0;
  while (const dirent* entry = readdir(stream)) {
    seen.insert(entry->d_name);
    if (added < 300) write_file("new" + std::to_string(added++), "");
  }
  closedir(stream);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen.count("old" + std::to_string(i)), 1u);
  for (const auto& name : seen) EXPECT_EQ(seen.count(name), 1u) << name;
}

TEST_F(Directory, FiveThousandEntries) {
  ASSERT_OK(mkdir("large", 0755));
  ASSERT_OK(chdir("large"));
  constexpr int count = 5000;
  for (int i = 0; i < count; ++i) {
    Descriptor file = open_file(("entry-" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_EXCL);
    ASSERT_OK(file);
  }
  EXPECT_EQ(name_set(".").size(), count + 2u);
  const Descriptor here = open_file(".", O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(names(here, 4 << 20).size(), count + 2u);  // perhaps not with one call, however large the buffer is
  for (int i = 0; i < count; i += 2) ASSERT_OK(unlink(("entry-" + std::to_string(i)).c_str()));
  const auto left = name_set(".");
  EXPECT_EQ(left.size(), count / 2 + 2u);
  EXPECT_TRUE(left.count("entry-4999"));
  EXPECT_FALSE(left.count("entry-4998"));
  ASSERT_OK(chdir(".."));
  EXPECT_ERRNO(ENOTEMPTY, rmdir("large"));
}

TEST_F(Directory, DeepPaths) {
  constexpr int depth = 300;
  const std::string name(30, 'd');
  for (int i = 0; i < depth; ++i) {
    ASSERT_OK(mkdir(name.c_str(), 0755));
    ASSERT_OK(chdir(name.c_str()));
  }
  write_file("bottom", "deep");
  EXPECT_EQ(read_file("bottom"), "deep");
  char small[4096];
  // The path is longer than PATH_MAX: the call cannot give it.
  EXPECT_ERRNO(ENAMETOOLONG, syscall(SYS_getcwd, small, sizeof small));
  for (int i = 0; i < depth; ++i) ASSERT_OK(chdir(".."));
  char here[4096];
  EXPECT_EQ(getcwd(here, sizeof here), path());
  // Back from the bottom, as remove_tree's paths would be too long as well.
  for (int i = 0; i < depth; ++i) ASSERT_OK(chdir(name.c_str()));
  ASSERT_OK(unlink("bottom"));
  for (int i = 0; i < depth; ++i) {
    ASSERT_OK(chdir(".."));
    ASSERT_OK(rmdir(name.c_str()));
  }
}

// Only a descriptor of the lowest one still holds them all.
TEST_F(Directory, ALongChainOfRemovedOnesGoes) {
  constexpr int depth = 3000;
  for (int i = 0; i < depth; ++i) {
    ASSERT_OK(mkdir("down", 0755));
    ASSERT_OK(chdir("down"));
  }
  Descriptor lowest = open_file(".", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < depth; ++i) {
    ASSERT_OK(chdir(".."));
    ASSERT_OK(rmdir("down"));
  }
  EXPECT_ERRNO(ENOENT, mkdirat(lowest, "new", 0755));
  EXPECT_OK(close(lowest.release()));
  EXPECT_OK(mkdir("down", 0755));
}

TEST_F(Directory, Getcwd) {
  char buffer[4096];
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(symlink("d", "s"));
  ASSERT_OK(chdir("s"));
  EXPECT_EQ(getcwd(buffer, sizeof buffer), path("d"));  // the true path
  EXPECT_EQ(syscall(SYS_getcwd, buffer, sizeof buffer), (long)path("d").size() + 1);
  EXPECT_ERRNO(ERANGE, syscall(SYS_getcwd, buffer, path("d").size()));
  EXPECT_ERRNO(ERANGE, syscall(SYS_getcwd, buffer, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_getcwd, wild(), 4096));
  ASSERT_OK(chdir("/"));
  EXPECT_STREQ(getcwd(buffer, sizeof buffer), "/");
}

TEST_F(Directory, RemovedCurrentDirectory) {
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(chdir("d"));
  ASSERT_OK(rmdir("../d"));
  char buffer[4096];
  EXPECT_ERRNO(ENOENT, syscall(SYS_getcwd, buffer, sizeof buffer));
  EXPECT_ERRNO(ENOENT, open("new", O_RDWR | O_CREAT, 0644));
  EXPECT_ERRNO(ENOENT, mkdir("new", 0755));
  EXPECT_ERRNO(ENOENT, open("../x", O_RDONLY));
  EXPECT_OK(open_file(".", O_RDONLY));
  struct stat status;
  EXPECT_OK(stat(".", &status));
  EXPECT_EQ(status.st_nlink, 0u);
  Descriptor directory = open_file(".", O_RDONLY);
  EXPECT_ERRNO(ENOENT, syscall(SYS_getdents64, directory.get(), buffer, sizeof buffer));
  EXPECT_OK(chdir(path().c_str()));
}

TEST_F(Directory, ChdirErrors) {
  write_file("f", "");
  EXPECT_ERRNO(ENOTDIR, chdir("f"));
  EXPECT_ERRNO(ENOENT, chdir("missing"));
  EXPECT_ERRNO(ENOENT, chdir(""));
  EXPECT_ERRNO(EFAULT, syscall(SYS_chdir, wild()));
  Descriptor file = open_file("f", O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, fchdir(file));
  EXPECT_ERRNO(EBADF, fchdir(-1));
}

TEST_F(Directory, ChildKeepsItsOwn) {
  EXPECT_CHILD({ ASSERT_OK(chdir("/")); });
  char buffer[4096];
  EXPECT_EQ(getcwd(buffer, sizeof buffer), path());
}

TEST_F(Directory, Chroot) {
  ASSERT_OK(mkdir("root", 0755));
  write_file("root/inside", "in");
  write_file("outside", "out");
  ASSERT_OK(symlink("/inside", "root/absolute"));
  ASSERT_OK(symlink("/../../outside", "root/escape"));
  EXPECT_CHILD({
    ASSERT_OK(chroot("root"));
    ASSERT_OK(chdir("/"));
    EXPECT_EQ(read_file("/inside"), "in");
    EXPECT_EQ(read_file("/absolute"), "in");
    EXPECT_EQ(read_file("../../inside"), "in");  // .. of the root is the root
    EXPECT_EQ(read_file("/escape"), "");
    EXPECT_FALSE(exists("/outside"));
    EXPECT_FALSE(exists("/proc"));
    char buffer[4096];
    EXPECT_STREQ(getcwd(buffer, sizeof buffer), "/");
    ASSERT_OK(setresuid(1000, 1000, 1000));
    EXPECT_ERRNO(EPERM, chroot("/"));
  });
  EXPECT_EQ(read_file("outside"), "out");
  EXPECT_ERRNO(ENOTDIR, chroot("outside"));
  EXPECT_ERRNO(ENOENT, chroot("missing"));
}

TEST_F(Directory, DotdotOfTheRoot) {
  struct stat root, up;
  ASSERT_OK(stat("/", &root));
  ASSERT_OK(stat("/../../..", &up));
  EXPECT_EQ(root.st_ino, up.st_ino);
  EXPECT_EQ(root.st_dev, up.st_dev);
}

TEST_F(Directory, MountPointsCrossFileSystems) {
  struct stat here, proc, up;
  ASSERT_OK(stat("/", &here));
  ASSERT_OK(stat("/proc", &proc));
  ASSERT_OK(stat("/proc/..", &up));
  EXPECT_NE(proc.st_dev, here.st_dev);
  EXPECT_EQ(up.st_ino, here.st_ino);
  EXPECT_ERRNO(EBUSY, rmdir("/proc"));
}

}  // namespace
}  // namespace cv6::guest
