// open_container_changes: what a container changed of its files.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "containers/tree.hpp"
#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

std::string text_of(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t length; (length = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, length);
  return text;
}

class ListedChanges : public ContainerTree {
 protected:
  // The lines about the test's own directory, without its path; what is above it is changed if anything is.
  std::string changes(const Box& box) {
    const Descriptor fd(open_container_changes(box.id()));
    EXPECT_OK(fd.get());
    std::istringstream lines(text_of(fd));
    std::string text;
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = line.find(path() + "/");
      if (at == 2) text += line.substr(0, 2) + line.substr(2 + path().size() + 1) + "\n";
      else if (!("C " + path()).starts_with(line)) text += "elsewhere: " + line + "\n";
    }
    return text;
  }
};

TEST_F(ListedChanges, NoneAtFirst) {
  Box box;
  EXPECT_EQ(changes(box), "");
  EXPECT_INSIDE(box, {
    EXPECT_EQ(read_file("file"), "original");
    const Descriptor writable = open_file("file", O_RDWR);
    EXPECT_ERRNO(EEXIST, mkdir("empty", 0755));
    EXPECT_ERRNO(ENOTEMPTY, rmdir("directory"));
  });
  const Descriptor fd(open_container_changes(box.id()));
  EXPECT_EQ(text_of(fd), "");
}

TEST_F(ListedChanges, AddedChangedRemoved) {
  Box box;
  EXPECT_INSIDE(box, {
    write_file("new", "new");
    write_file("directory/inner", "changed");
    ASSERT_OK(unlink("file"));
    ASSERT_OK(chmod("empty", 0700));
    ASSERT_OK(symlink("x", "newlink"));
    ASSERT_OK(mkdir("made", 0755));
    write_file("made/below", "new");
  });
  EXPECT_EQ(changes(box), "A new\nC directory\nC directory/inner\nD file\nC empty\nA newlink\nA made\nA made/below\n");
  const Descriptor fd(open_container_changes(box.id()));
  EXPECT_TRUE(text_of(fd).starts_with("C /tmp\nC " + path() + "\n"));
}

TEST_F(ListedChanges, EveryKindOfChange) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(truncate("file", 3));
    ASSERT_OK(chown("other", 1, 1));  // has two names
    timespec times[2] = {{1, 0}, {1, 0}};
    ASSERT_OK(utimensat(AT_FDCWD, "symlink", times, AT_SYMLINK_NOFOLLOW));
    const Descriptor inner = open_file("directory/inner", O_RDWR);
    Mapping mapping(page_size, PROT_READ | PROT_WRITE, MAP_SHARED, inner);
    *mapping.as() = 'm';
  });
  EXPECT_EQ(changes(box), "C file\nC other\nC symlink\nC directory\nC directory/inner\n");
  EXPECT_INSIDE(box, EXPECT_EQ(read_file("hard"), "other"));
  EXPECT_EQ(changes(box), "C file\nC other\nC symlink\nC directory\nC directory/inner\nC hard\n");
}

TEST_F(ListedChanges, OfRenamedFilesAndDirectories) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(rename("file", "moved"));
    ASSERT_OK(rename("directory", "elsewhere"));
    write_file("elsewhere/new", "new");
  });
  EXPECT_EQ(changes(box), "A moved\nD file\nA elsewhere\nA elsewhere/new\nA elsewhere/inner\nD directory\n");
}

TEST_F(ListedChanges, AndBackAgain) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(rename("file", "moved"));
    ASSERT_OK(rename("moved", "file"));
    write_file("new", "new");
    ASSERT_OK(unlink("new"));
  });
  EXPECT_EQ(changes(box), "");  // but the directory's times
}

TEST_F(ListedChanges, OfADirectoryThatIsAnotherOne) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(unlink("directory/inner"));
    ASSERT_OK(rmdir("directory"));
    ASSERT_OK(mkdir("directory", 0755));
    write_file("directory/new", "new");
  });
  EXPECT_EQ(changes(box), "C directory\nA directory/new\nD directory/inner\n");
}

TEST_F(ListedChanges, OfAFileInPlaceOfADirectoryAndTheReverse) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(rmdir("empty"));
    write_file("empty", "a file");
    ASSERT_OK(unlink("file"));
    ASSERT_OK(mkdir("file", 0755));
    write_file("file/below", "new");
  });
  EXPECT_EQ(changes(box), "C empty\nC file\nA file/below\n");
}

TEST_F(ListedChanges, WhatIsBelowCountsAsItIsNow) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(unlink("file"));
    write_file("other", "changed");
    write_file("new", "new");
  });
  ASSERT_OK(unlink("file"));         // gone on both sides
  write_file("new", "outside too");  // on both sides, and not the same
  ASSERT_OK(unlink("other"));        // its other name stays
  EXPECT_EQ(changes(box), "A other\nC new\n");
}

TEST_F(ListedChanges, NamesThatBreakLines) {
  Box box;
  EXPECT_INSIDE(box, write_file("a\nb\\c", "new"));
  EXPECT_EQ(changes(box), "A a\\012b\\134c\n");
}

TEST_F(ListedChanges, OfAnImageAndItsMounts) {
  ASSERT_OK(mkdir("directory/dev", 0755));
  ASSERT_OK(mkdir("volume", 0755));
  ContainerCreate wanted;
  wanted.root = "directory";
  Box box(wanted);
  ASSERT_OK(mount_into(box, "volume", "/volume"));
  EXPECT_INSIDE(box, {
    write_file("/inner", "changed");
    write_file("/volume/file", "not the container's own");
    ASSERT_OK(unlink("/dev/full"));
    ASSERT_OK(mount("tmpfs", "/volume", "tmpfs", 0, nullptr));
    write_file("/volume/hidden", "in memory");
  });
  const Descriptor fd(open_container_changes(box.id()));
  EXPECT_EQ(text_of(fd), "A /volume\nC /inner\nC /dev\nD /dev/full\n");
}

TEST_F(ListedChanges, TheFileIsOfOneMomentAndCanBeReadAgain) {
  Box box;
  EXPECT_INSIDE(box, write_file("new", "new"));
  const Descriptor fd(open_container_changes(box.id()));
  const std::string first = text_of(fd);
  EXPECT_INSIDE(box, write_file("newer", "new"));
  EXPECT_OK(lseek(fd, 0, SEEK_SET));
  EXPECT_EQ(text_of(fd), first);
  EXPECT_ERRNO(EBADF, write(fd, "x", 1));
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TEST_F(ListedChanges, ALongWayDown) {
  Box box;
  EXPECT_INSIDE(box, {
    for (int i = 0; i < 300; ++i) {
      ASSERT_OK(mkdir("a-directory-with-a-long-name", 0755));
      ASSERT_OK(chdir("a-directory-with-a-long-name"));
    }
    write_file("bottom", "new");
  });
  const std::string text = changes(box);
  EXPECT_EQ(std::ranges::count(text, '\n'), 301);
  EXPECT_TRUE(text.ends_with("/bottom\n"));
}

TEST_F(ListedChanges, Errors) {
  EXPECT_ERRNO(ESRCH, open_container_changes(12345));
  EXPECT_ERRNO(ESRCH, open_container_changes(host_container));
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(setuid(1));
    EXPECT_ERRNO(EPERM, open_container_changes(box.id()));
  });
  EXPECT_INSIDE(box, EXPECT_ERRNO(ESRCH, open_container_changes(box.id())));
}

// Costs what has changed: the same in a directory of ten names and of ten thousand.
TEST_F(ListedChanges, CostWhatHasChanged) {
  ASSERT_OK(mkdir("large", 0755));
  for (int i = 0; i < 3000; ++i) ASSERT_OK(mknod(("large/" + std::to_string(i)).c_str(), S_IFREG | 0644, 0));
  Box box;
  EXPECT_INSIDE(box, ASSERT_OK(unlink("large/1234")));
  EXPECT_EQ(changes(box), "C large\nD large/1234\n");
  const ObjectCounts before = count_objects();
  EXPECT_EQ(changes(box), "C large\nD large/1234\n");
  EXPECT_LT(count_objects()["view_file"] - before.at("view_file"), 100);
}

// A mount of a part of the view is another place of what the view lists already.
TEST_F(ListedChanges, AreToldOnceWhateverIsMounted) {
  Box box;
  EXPECT_INSIDE(box, {
    ASSERT_OK(mkdir("made", 0755));
    write_file("made/below", "new");
  });
  EXPECT_CHILD({
    ASSERT_OK(view_container(box.id()));
    for (const char* name : {"made", "made/below", "directory"}) {
      const std::string source = path(name), target = "/mounted-" + std::string(basename(name));
      ContainerMount mount{};
      mount.id = box.id();
      mount.source = source.c_str();
      mount.target = target.c_str();
      ASSERT_OK(mount_in_container(mount));
    }
  });
  EXPECT_INSIDE(box, write_file("directory/new", "new"));
  EXPECT_EQ(changes(box), "A made\nA made/below\nC directory\nA directory/new\n"
                          "elsewhere: A /mounted-made\nelsewhere: A /mounted-below\nelsewhere: A /mounted-directory\n");
}

}  // namespace
}  // namespace cv6::guest
