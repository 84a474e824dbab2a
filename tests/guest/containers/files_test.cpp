// Files in a container: copy on write. Every kind of change, made on one side, and what the other side sees of it.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <vector>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// A small tree, and a container that sees it.
class ContainerFiles : public TempDir {
 protected:
  void SetUp() override {
    TempDir::SetUp();
    if (!has_containers()) GTEST_SKIP() << "containers are calls of cv6";
    write_file("file", "original");
    write_file("other", "other");
    ASSERT_OK(mkdir("directory", 0755));
    write_file("directory/inner", "inner");
    ASSERT_OK(mkdir("empty", 0755));
    ASSERT_OK(symlink("file", "symlink"));
    ASSERT_OK(link("other", "hard"));
  }
};

std::set<std::string> names_in(const std::string& path) {
  std::set<std::string> names;
  DIR* directory = opendir(path.c_str());
  EXPECT_NE(directory, nullptr) << path << ": " << strerror(errno);
  if (!directory) return names;
  while (const dirent* entry = readdir(directory)) {
    EXPECT_TRUE(names.insert(entry->d_name).second) << entry->d_name << " is there twice";
  }
  closedir(directory);
  names.erase(".");
  names.erase("..");
  return names;
}

// All that a tree is to those who look at it: type, mode, owner, size, times, links and contents of each name.
void describe(const std::string& path, std::string& text) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return;
  char line[300];
  snprintf(line, sizeof line, "%s %o %u:%u %ld n%lu i%lu m%ld.%ld c%ld.%ld ", path.c_str(), status.st_mode,
           status.st_uid, status.st_gid, S_ISDIR(status.st_mode) ? 0 : (long)status.st_size, status.st_nlink, status.st_ino,
           status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
  text += line;
  if (S_ISREG(status.st_mode)) text += std::to_string(std::hash<std::string>()(read_file(path)));
  char target[256] = {};
  if (S_ISLNK(status.st_mode) && readlink(path.c_str(), target, sizeof target - 1) > 0) text += target;
  text += "\n";
  if (!S_ISDIR(status.st_mode)) return;
  for (const std::string& name : names_in(path)) describe(path + "/" + name, text);
}
std::string description() {
  std::string text;
  describe(".", text);
  return text;
}

using Change = void (*)();
struct NamedChange {
  const char* name;
  Change change;
};

// Every kind of change that a program can make to the tree.
const NamedChange changes[] = {
    {"write", [] { write_file("file", "changed!"); }},
    {"overwrite a byte",
     [] {
       const Descriptor file = open_file("file", O_WRONLY);
       EXPECT_EQ(pwrite(file, "X", 1, 3), 1);
     }},
    {"append",
     [] {
       const Descriptor file = open_file("file", O_WRONLY | O_APPEND);
       EXPECT_EQ(write(file, "more", 4), 4);
     }},
    {"truncate", [] { EXPECT_OK(truncate("file", 3)); }},
    {"truncate to grow", [] { EXPECT_OK(truncate("file", 100'000)); }},
    {"open to truncate", [] { EXPECT_OK(open_file("file", O_WRONLY | O_TRUNC)); }},
    {"fallocate",
     [] {
       const Descriptor file = open_file("file", O_RDWR);
       EXPECT_OK(posix_fallocate(file, 0, 50'000) ? -1 : 0);
     }},
    {"write to a shared mapping",
     [] {
       const Descriptor file = open_file("file", O_RDWR);
       Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
       ASSERT_TRUE(mapping.ok());
       mapping.as()[2] = 'M';
     }},
    {"write by a hard link", [] { write_file("hard", "by the other name"); }},
    {"create", [] { write_file("new", "new"); }},
    {"create deep", [] { write_file("directory/new", "new"); }},
    {"unlink", [] { EXPECT_OK(unlink("file")); }},
    {"unlink deep", [] { EXPECT_OK(unlink("directory/inner")); }},
    {"unlink a hard link", [] { EXPECT_OK(unlink("hard")); }},
    {"unlink and make again",
     [] {
       EXPECT_OK(unlink("file"));
       write_file("file", "again");
     }},
    {"rename", [] { EXPECT_OK(rename("file", "renamed")); }},
    {"rename into", [] { EXPECT_OK(rename("file", "directory/moved")); }},
    {"rename out of", [] { EXPECT_OK(rename("directory/inner", "outer")); }},
    {"rename over", [] { EXPECT_OK(rename("file", "other")); }},
    {"rename a directory", [] { EXPECT_OK(rename("directory", "elsewhere")); }},
    {"rename a directory over an empty one", [] { EXPECT_OK(rename("directory", "empty")); }},
    {"exchange", [] { EXPECT_OK(renameat2(AT_FDCWD, "file", AT_FDCWD, "directory", RENAME_EXCHANGE)); }},
    {"mkdir", [] { EXPECT_OK(mkdir("fresh", 0700)); }},
    {"rmdir", [] { EXPECT_OK(rmdir("empty")); }},
    {"rmdir and mkdir",
     [] {
       EXPECT_OK(rmdir("empty"));
       EXPECT_OK(mkdir("empty", 0711));
     }},
    {"remove a tree and make it again",
     [] {
       remove_tree("directory");
       EXPECT_OK(mkdir("directory", 0755));
       EXPECT_TRUE(names_in("directory").empty());
     }},
    {"symlink", [] { EXPECT_OK(symlink("target", "pointer")); }},
    {"replace a symlink",
     [] {
       EXPECT_OK(unlink("symlink"));
       EXPECT_OK(symlink("other", "symlink"));
     }},
    {"link", [] { EXPECT_OK(link("file", "linked")); }},
    {"mkfifo", [] { EXPECT_OK(mkfifo("fifo", 0600)); }},
    {"mknod", [] { EXPECT_OK(mknod("null", S_IFCHR | 0600, makedev(1, 3))); }},
    {"chmod", [] { EXPECT_OK(chmod("file", 0604)); }},
    {"chmod a directory", [] { EXPECT_OK(chmod("directory", 0705)); }},
    {"chown", [] { EXPECT_OK(chown("file", 12, 34)); }},
    {"chown a symlink", [] { EXPECT_OK(lchown("symlink", 12, 34)); }},
    {"utimes",
     [] {
       const timespec times[2] = {{1000, 1}, {2000, 2}};
       EXPECT_OK(utimensat(AT_FDCWD, "file", times, 0));
     }},
    {"utimes of a directory",
     [] {
       const timespec times[2] = {{1000, 1}, {2000, 2}};
       EXPECT_OK(utimensat(AT_FDCWD, "empty", times, 0));
     }},
    {"fchmod by a descriptor",
     [] {
       const Descriptor file = open_file("directory/inner", O_RDONLY);
       EXPECT_OK(fchmod(file, 0600));
     }},
    {"sendfile",
     [] {
       const Descriptor from = open_file("other", O_RDONLY);
       const Descriptor to = open_file("file", O_WRONLY);
       loff_t zero = 0;
       EXPECT_EQ(copy_file_range(from, &zero, to, nullptr, 5, 0), 5);
     }},
};

// Made inside: unseen outside and by a neighbour, seen by all that is inside, also later.
TEST_F(ContainerFiles, ChangesInsideStayInside) {
  const std::string before = description();
  for (const NamedChange& each : changes) {
    SCOPED_TRACE(each.name);
    Box box;
    Box neighbour;
    EXPECT_INSIDE(neighbour, EXPECT_EQ(description(), before));
    Mapping shared(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    EXPECT_INSIDE(box, {
      each.change();
      EXPECT_NE(description(), before);
      snprintf(shared.as(), shared.length(), "%s", description().c_str());
    });
    EXPECT_EQ(description(), before);
    EXPECT_INSIDE(box, EXPECT_EQ(description(), shared.as()));
    EXPECT_INSIDE(neighbour, EXPECT_EQ(description(), before));
    if (HasFailure()) break;
  }
}

// Made outside after the container has made everything its own: unseen inside.
TEST_F(ContainerFiles, ChangesOutsideAreNotSeenOnceItIsItsOwn) {
  for (const NamedChange& each : changes) {
    SCOPED_TRACE(each.name);
    remove_tree(path("t"));
    ASSERT_OK(mkdir("t", 0755));
    EXPECT_CHILD({
      ASSERT_OK(chdir("t"));
      write_file("file", "original");
      write_file("other", "other");
      ASSERT_OK(mkdir("directory", 0755));
      write_file("directory/inner", "inner");
      ASSERT_OK(mkdir("empty", 0755));
      ASSERT_OK(symlink("file", "symlink"));
      ASSERT_OK(link("other", "hard"));
      Box box;
      Mapping shared(4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
      EXPECT_INSIDE(box, {
        for (const char* name : {"file", "other", "directory", "directory/inner", "empty", "hard"}) {
          const timespec times[2] = {{5000, 1}, {6000, 2}};
          EXPECT_OK(utimensat(AT_FDCWD, name, times, 0));
        }
        EXPECT_OK(lchown("symlink", 0, 0));
        for (const char* name : {"file", "other", "directory/inner"}) {  // and its bytes
          const std::string text = read_file(name);
          write_file(name, text);
        }
        const timespec times[2] = {{5000, 1}, {6000, 2}};
        for (const char* name : {"directory", "empty"}) EXPECT_OK(utimensat(AT_FDCWD, name, times, 0));
        snprintf(shared.as(), shared.length(), "%s", description().c_str());
      });
      each.change();
      EXPECT_INSIDE(box, {
        // A name made outside may be seen in a directory that is shared by name; what the container made its own is as it
        // was.
        std::string now;
        for (const char* name : {"file", "other", "hard", "directory/inner", "symlink"}) describe(name, now);
        const std::string was(shared.as());
        for (std::size_t at = 0; at < now.size();) {
          const std::size_t end = now.find('\n', at);
          const std::string line = "./" + now.substr(at, end - at + 1);
          EXPECT_NE(was.find(line), std::string::npos) << line << "was\n" << was;
          at = end + 1;
        }
      });
    });
    if (HasFailure()) break;
  }
}

// What it has not changed it sees as it is now.
TEST_F(ContainerFiles, WhatIsUnchangedIsSeenAsItIsNow) {
  Box box;
  EXPECT_INSIDE(box, EXPECT_EQ(read_file("file"), "original"));
  write_file("file", "later");
  write_file("new", "new");
  ASSERT_OK(unlink("other"));
  ASSERT_OK(rename("directory", "renamed"));
  EXPECT_INSIDE(box, {
    EXPECT_EQ(read_file("file"), "later");
    EXPECT_EQ(read_file("new"), "new");
    EXPECT_FALSE(exists("other"));
    EXPECT_FALSE(exists("directory"));
    EXPECT_EQ(read_file("renamed/inner"), "inner");
    EXPECT_EQ(description().find("directory"), std::string::npos);
  });
}

// Descriptors and mappings that it had before the first change follow it.
TEST_F(ContainerFiles, DescriptorsAndMappingsSeeTheFirstWrite) {
  Box box;
  const Descriptor outside = open_file("file", O_RDONLY);
  EXPECT_INSIDE(box, {
    const Descriptor reader = open_file("file", O_RDONLY);
    Mapping shared(page_size, PROT_READ, MAP_SHARED, reader);
    Mapping own(page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader);
    ASSERT_EQ(shared.as()[0], 'o');
    ASSERT_EQ(own.as()[0], 'o');
    const Descriptor writer = open_file("file", O_RDWR);
    ASSERT_EQ(pwrite(writer, "OWN", 3, 0), 3);
    char text[9] = {};
    EXPECT_EQ(pread(reader, text, 8, 0), 8);
    EXPECT_STREQ(text, "OWNginal");
    EXPECT_EQ(shared.as()[0], 'O');
    EXPECT_EQ(own.as()[0], 'O');  // untouched pages of a private mapping follow the file
    Mapping writable(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, writer);
    writable.as()[7] = 'L';
    EXPECT_EQ(shared.as()[7], 'L');
    EXPECT_EQ(pread(reader, text, 8, 0), 8);
    EXPECT_STREQ(text, "OWNginaL");
    struct stat by_name;
    struct stat by_descriptor;
    ASSERT_OK(stat("file", &by_name));
    ASSERT_OK(fstat(reader, &by_descriptor));
    EXPECT_EQ(by_name.st_ino, by_descriptor.st_ino);
    EXPECT_EQ(by_name.st_dev, by_descriptor.st_dev);
  });
  char text[9] = {};
  EXPECT_EQ(pread(outside, text, 8, 0), 8);
  EXPECT_STREQ(text, "original");
}

// A write of the host's into a page that the container shares still.
TEST_F(ContainerFiles, LaterWritesOutsideAreNotSeenInsideAndTheReverse) {
  Box box;
  const Descriptor file = open_file("file", O_RDWR);
  ASSERT_OK(ftruncate(file, 8 * page_size));
  Mapping outside(8 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  for (int i = 0; i < 8; ++i) outside.as()[i * page_size] = static_cast<char>('a' + i);
  Pipe changed;
  Pipe written;
  const pid_t inside = box.start([&] {
    const Descriptor own = open_file("file", O_RDWR);
    Mapping mapping(8 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, own);
    ASSERT_EQ(pwrite(own, "X", 1, 2 * page_size), 1);
    changed.notify();
    written.wait();
    for (int i = 0; i < 8; ++i) EXPECT_EQ(mapping.as()[i * page_size], i == 2 ? 'X' : 'a' + i) << i;
    mapping.as()[5 * page_size] = 'Y';
  });
  ASSERT_TRUE(changed.wait());
  for (int i = 0; i < 8; i += 2) outside.as()[i * page_size] = 'H';
  EXPECT_EQ(pwrite(file, "H", 1, 3 * page_size), 1);
  written.notify();
  EXPECT_TRUE(reap(inside).exited(0));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(outside.as()[i * page_size], i % 2 == 0 || i == 3 ? 'H' : 'a' + i) << i;
}

TEST_F(ContainerFiles, UnlinkedAndMadeAgainIsANewFile) {
  Box box;
  EXPECT_INSIDE(box, {
    const Descriptor old = open_file("file", O_RDONLY);
    struct stat before;
    ASSERT_OK(fstat(old, &before));
    ASSERT_OK(unlink("file"));
    EXPECT_ERRNO(ENOENT, access("file", F_OK));
    EXPECT_FALSE(names_in(".").contains("file"));
    write_file("file", "second");
    struct stat after;
    ASSERT_OK(stat("file", &after));
    EXPECT_NE(before.st_ino, after.st_ino);
    ASSERT_OK(fstat(old, &before));
    EXPECT_EQ(before.st_nlink, 0u);
    char text[9] = {};
    EXPECT_EQ(read(old, text, 8), 8);
    EXPECT_STREQ(text, "original");
  });
  EXPECT_EQ(read_file("file"), "original");
}

TEST_F(ContainerFiles, DirectoriesRemovedAndMadeAgainAreEmpty) {
  Box box;
  for (int i = 0; i < 30; ++i) write_file("directory/f" + std::to_string(i), "x");
  EXPECT_INSIDE(box, {
    for (int round = 0; round < 3; ++round) {
      EXPECT_ERRNO(ENOTEMPTY, rmdir("directory"));
      remove_tree("directory");
      EXPECT_FALSE(exists("directory"));
      ASSERT_OK(mkdir("directory", 0755));
      EXPECT_TRUE(names_in("directory").empty());
      EXPECT_ERRNO(ENOENT, access("directory/inner", F_OK));
      write_file("directory/own", "own");
      EXPECT_EQ(names_in("directory"), std::set<std::string>{"own"});
    }
  });
  EXPECT_EQ(names_in("directory").size(), 31u);
  write_file("directory/late", "late");
  EXPECT_INSIDE(box, EXPECT_EQ(names_in("directory"), std::set<std::string>{"own"}));
}

TEST_F(ContainerFiles, HardLinksStayOneFile) {
  Box box;
  EXPECT_INSIDE(box, {
    struct stat first;
    struct stat second;
    write_file("hard", "changed");
    EXPECT_EQ(read_file("other"), "changed");
    ASSERT_OK(stat("hard", &first));
    ASSERT_OK(stat("other", &second));
    EXPECT_EQ(first.st_ino, second.st_ino);
    EXPECT_EQ(first.st_nlink, 2u);
    ASSERT_OK(link("hard", "third"));
    ASSERT_OK(unlink("other"));
    ASSERT_OK(stat("third", &first));
    EXPECT_EQ(first.st_nlink, 2u);
    write_file("third", "by the third");
    EXPECT_EQ(read_file("hard"), "by the third");
    ASSERT_OK(unlink("hard"));
    ASSERT_OK(unlink("third"));
    EXPECT_FALSE(exists("other"));
  });
  struct stat status;
  ASSERT_OK(stat("other", &status));
  EXPECT_EQ(status.st_nlink, 2u);
  EXPECT_EQ(read_file("hard"), "other");
}

// Two names of one file in two directories, the second never looked at before the change.
TEST_F(ContainerFiles, HardLinksAcrossDirectories) {
  ASSERT_OK(link("file", "directory/link"));
  Box box;
  EXPECT_INSIDE(box, {
    write_file("file", "changed");
    EXPECT_EQ(read_file("directory/link"), "changed");
    ASSERT_OK(unlink("file"));
    EXPECT_EQ(read_file("directory/link"), "changed");
    struct stat status;
    ASSERT_OK(stat("directory/link", &status));
    EXPECT_EQ(status.st_nlink, 1u);
  });
  EXPECT_EQ(read_file("directory/link"), "original");
  EXPECT_EQ(read_file("file"), "original");
}

TEST_F(ContainerFiles, LinkCountsOfDirectories) {
  Box box;
  auto links = [](const char* name) {
    struct stat status{};
    EXPECT_OK(stat(name, &status));
    return static_cast<int>(status.st_nlink);
  };
  const int here = links(".");
  EXPECT_INSIDE(box, {
    ASSERT_OK(mkdir("a", 0755));
    EXPECT_EQ(links("."), here + 1);
    ASSERT_OK(mkdir("a/b", 0755));
    EXPECT_EQ(links("a"), 3);
    ASSERT_OK(rename("a/b", "directory/b"));
    EXPECT_EQ(links("a"), 2);
    EXPECT_EQ(links("directory"), 3);
    ASSERT_OK(rmdir("empty"));
    EXPECT_EQ(links("."), here);
    ASSERT_OK(rename("directory/b", "a"));
    EXPECT_EQ(links("directory"), 2);
    EXPECT_EQ(links("."), here);
  });
  EXPECT_EQ(links("."), here);
}

// A directory may be listed while names in it change: each is there once, what was not touched is never left out.
TEST_F(ContainerFiles, ListingWhileNamesChange) {
  for (int i = 0; i < 60; ++i) write_file("directory/n" + std::to_string(i), "x");
  Box box;
  EXPECT_INSIDE(box, {
    DIR* listing = opendir("directory");
    ASSERT_NE(listing, nullptr);
    std::multiset<std::string> seen;
    for (int i = 0; const dirent* entry = readdir(listing); ++i) {
      seen.insert(entry->d_name);
      if (i == 5) {
        for (int n = 0; n < 60; n += 2) write_file("directory/n" + std::to_string(n), "changed");
        for (int n = 1; n < 60; n += 4) EXPECT_OK(unlink(("directory/n" + std::to_string(n)).c_str()));
      }
    }
    closedir(listing);
    for (int n = 0; n < 60; n += 2) EXPECT_EQ(seen.count("n" + std::to_string(n)), 1u) << n;
    EXPECT_EQ(names_in("directory").size(), 46u);
  });
}

TEST_F(ContainerFiles, NothingOfItIsLeftAfterwards) {
  const std::string before = description();
  {
    Box box;
    EXPECT_INSIDE(box, {
      for (const NamedChange& each : {changes[0], changes[9], changes[21], changes[26]}) each.change();
    });
  }
  EXPECT_EQ(description(), before);
  Box fresh;
  EXPECT_INSIDE(fresh, EXPECT_EQ(description(), before));
}

// One changed byte of a large file costs a page, not a copy.
TEST_F(ContainerFiles, AChangeCostsWhatIsChanged) {
  const Descriptor file = open_file("large", O_RDWR | O_CREAT);
  std::vector<char> block(1 << 20, 'l');
  for (int i = 0; i < 16; ++i) ASSERT_EQ(write(file, block.data(), block.size()), static_cast<ssize_t>(block.size()));
  Box box;
  Pipe changed;
  Pipe end;
  const pid_t inside = box.start([&] {
    const Descriptor own = open_file("large", O_RDWR);
    ASSERT_EQ(pwrite(own, "X", 1, 5'000'000), 1);
    changed.notify();
    end.wait();
  });
  ASSERT_TRUE(changed.wait());
  EXPECT_LT(box.stat().memory, std::uint64_t{2} << 20);
  end.notify();
  EXPECT_TRUE(reap(inside).exited(0));
}

TEST_F(ContainerFiles, OfOtherMountsToo) {
  ASSERT_OK(mkdir("mounted", 0755));
  EXPECT_CHILD({
    ASSERT_OK(mount("tmpfs", "mounted", "tmpfs", 0, nullptr));
    write_file("mounted/file", "below");
    Box box;
    EXPECT_INSIDE(box, {
      EXPECT_EQ(read_file("mounted/file"), "below");
      write_file("mounted/file", "changed");
      write_file("mounted/new", "new");
      EXPECT_ERRNO(EXDEV, link("mounted/file", "linked"));
      EXPECT_ERRNO(EXDEV, rename("mounted/file", "moved"));
      EXPECT_ERRNO(EBUSY, rmdir("mounted"));
    });
    EXPECT_EQ(read_file("mounted/file"), "below");
    EXPECT_EQ(names_in("mounted"), std::set<std::string>{"file"});
    box.destroy();
    ASSERT_OK(umount("mounted"));
  });
}

TEST_F(ContainerFiles, DevicesAreItsOwnNames) {
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_OK(mknod("/dev/own", S_IFCHR | 0600, makedev(1, 3)));
    EXPECT_OK(chmod("/dev/zero", 0600));
    EXPECT_OK(unlink("/dev/full"));
    const Descriptor null = open_file("/dev/null", O_RDWR);
    EXPECT_EQ(write(null, "x", 1), 1);
    const Descriptor own = open_file("/dev/own", O_RDWR);
    EXPECT_EQ(write(own, "x", 1), 1);
  });
  EXPECT_FALSE(exists("/dev/own"));
  EXPECT_TRUE(exists("/dev/full"));
  struct stat status;
  ASSERT_OK(stat("/dev/zero", &status));
  EXPECT_EQ(status.st_mode & 0777, 0666u);
}

}  // namespace
}  // namespace cv6::guest
