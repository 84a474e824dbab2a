// Files in a container: copy on write.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>
#include <vector>

#include "containers/tree.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerFiles : public ContainerTree {};

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

// All directories above what is changed get their places, from the top down.
TEST_F(ContainerFiles, AChangeFarDown) {
  constexpr int depth = 3000;
  for (int i = 0; i < depth; ++i) {
    ASSERT_OK(mkdir("down", 0755));
    ASSERT_OK(chdir("down"));
  }
  ASSERT_OK(chdir(path().c_str()));
  Box box;
  EXPECT_INSIDE(box, {
    for (int i = 0; i < depth; ++i) ASSERT_OK(chdir("down"));
    write_file("new", "far down");
    EXPECT_EQ(read_file("new"), "far down");
    for (int i = 0; i < depth; ++i) ASSERT_OK(chdir(".."));
    EXPECT_EQ(read_file("file"), "original");
  });
  for (int i = 0; i < depth; ++i) ASSERT_OK(chdir("down"));
  EXPECT_FALSE(exists("new"));
  for (int i = 0; i < depth; ++i) {
    ASSERT_OK(chdir(".."));
    ASSERT_OK(rmdir("down"));
  }
  EXPECT_INSIDE(box, {
    for (int i = 0; i < depth; ++i) ASSERT_OK(chdir("down"));
    EXPECT_EQ(read_file("new"), "far down");
  });
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
      write_file("file", "changed");
      write_file("new", "new");
      EXPECT_OK(rename("directory", "empty"));
      EXPECT_OK(chmod("other", 0600));
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

// Changes by somebody who only looks at the container's files: nothing else of the container's memory changes.
class KeptFiles : public ContainerTree {
 protected:
  static constexpr int count = 500;
  static constexpr std::uint64_t inode = 640, name = 48;  // what each costs at least

  void SetUp() override {
    ContainerTree::SetUp();
    for (const char* kind : {"a", "b", "c"})
      for (int i = 0; i < count; ++i) write_file(numbered(kind, i), "");
    for (int i = 0; i < count; ++i) {
      ASSERT_OK(mkdir(numbered("d", i).c_str(), 0755));
      write_file(numbered("d", i) + "/file", "");
    }
  }
  static std::string numbered(const std::string& kind, int i) { return kind + std::to_string(i); }
  // How much more memory the container has afterwards.
  static std::int64_t cost(const Box& box, const std::function<int(int)>& change) {
    const std::uint64_t before = box.stat().memory;
    for (int i = 0; i < count; ++i) EXPECT_OK(change(i)) << i;
    return static_cast<std::int64_t>(box.stat().memory - before);
  }
  static int rename_one(int i) { return rename(numbered("a", i).c_str(), numbered("new", i).c_str()); }
};

// What a change of names keeps is as much the container's as what it writes to, and comes back.
TEST_F(KeptFiles, ArePaidFor) {
  const Box box;
  EXPECT_CHILD({
    ASSERT_OK(view_container(box.id()));
    ASSERT_OK(chdir(path().c_str()));
    EXPECT_GE(cost(box, rename_one), std::int64_t{count * (inode + 2 * name)});
    EXPECT_GE(cost(box, [](int i) {
      return renameat2(AT_FDCWD, numbered("b", i).c_str(), AT_FDCWD, numbered("c", i).c_str(), RENAME_EXCHANGE);
    }), std::int64_t{count * 2 * (inode + name)});
    EXPECT_GE(cost(box, [](int i) { return chmod((numbered("d", i) + "/file").c_str(), 0600); }),
              std::int64_t{count * 2 * (inode + name)});  // of the directory too
    EXPECT_LE(cost(box, [](int i) { return unlink(numbered("new", i).c_str()); }), -std::int64_t{count * inode});
  });
}

TEST_F(KeptFiles, ArePaidForOnEachLevel) {
  const Box outer(nesting());
  EXPECT_INSIDE(outer, {
    const Box inner;
    EXPECT_CHILD({
      ASSERT_OK(view_container(inner.id()));
      ASSERT_OK(chdir(path().c_str()));
      EXPECT_GE(cost(inner, rename_one), std::int64_t{count * 2 * (inode + name)});
    });
  });
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

TEST_F(ContainerFiles, NumberOfMountsIsLimited) {
  Box box;
  EXPECT_INSIDE(box, {
    const unsigned long most = std::strtoul(read_file("/proc/sys/fs/mount-max").c_str(), nullptr, 10);
    ASSERT_GT(most, 0u);
    ASSERT_LT(most, 10'000u);
    unsigned long made = 0;
    const auto mount_one = [&] {
      const std::string name = "m" + std::to_string(made);
      const int outcome = mkdir(name.c_str(), 0755);
      return outcome == 0 ? mount("none", name.c_str(), "tmpfs", 0, nullptr) : outcome;
    };
    while (made < most && mount_one() == 0) ++made;
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_LT(made, most);
    EXPECT_GT(made + 16, most);
    EXPECT_ERRNO(ENOSPC, mount("none", "m1", "tmpfs", 0, nullptr));  // on the one that is there
    const std::string told = read_file("/proc/self/mounts");
    EXPECT_GT(std::ranges::count(told, '\n'), static_cast<long>(made));
    ASSERT_OK(umount("m0"));
    EXPECT_OK(mount("none", "m0", "tmpfs", 0, nullptr));
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
