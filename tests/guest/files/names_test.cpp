// Names: link, symlink, readlink, unlink, mkdir, rmdir, mknod, and how paths are walked.

#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class Names : public TempDir {
 protected:
  struct stat status_of(const char* name) {
    struct stat status{};
    EXPECT_OK(lstat(name, &status)) << name;
    return status;
  }
};

TEST_F(Names, HardLinksShareTheInode) {
  write_file("a", "text");
  ASSERT_OK(link("a", "b"));
  EXPECT_EQ(status_of("a").st_ino, status_of("b").st_ino);
  EXPECT_EQ(status_of("a").st_nlink, 2u);
  write_file("b", "changed");
  EXPECT_EQ(read_file("a"), "changed");
  ASSERT_OK(unlink("a"));
  EXPECT_EQ(status_of("b").st_nlink, 1u);
  EXPECT_EQ(read_file("b"), "changed");
}

TEST_F(Names, LinkErrors) {
  write_file("a", "");
  write_file("b", "");
  ASSERT_OK(mkdir("d", 0755));
  EXPECT_ERRNO(EEXIST, link("a", "b"));
  EXPECT_ERRNO(EEXIST, link("a", "a"));
  EXPECT_ERRNO(EEXIST, link("a", "d"));
  EXPECT_ERRNO(ENOENT, link("missing", "c"));
  EXPECT_ERRNO(ENOENT, link("a", "missing/c"));
  EXPECT_ERRNO(ENOTDIR, link("a", "b/c"));
  EXPECT_ERRNO(ENOTDIR, link("a/", "c"));
  EXPECT_ERRNO(EPERM, link("d", "c"));
  EXPECT_ERRNO(ENOENT, link("", "c"));
  EXPECT_ERRNO(EINVAL, linkat(AT_FDCWD, "a", AT_FDCWD, "c", 0x8000));
}

TEST_F(Names, LinkatFollowsOnlyOnRequest) {
  write_file("a", "");
  ASSERT_OK(symlink("a", "s"));
  ASSERT_OK(link("s", "same"));
  EXPECT_TRUE(S_ISLNK(status_of("same").st_mode));
  ASSERT_OK(linkat(AT_FDCWD, "s", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  EXPECT_TRUE(S_ISREG(status_of("followed").st_mode));
  Descriptor file = open_file("a", O_RDONLY);
  ASSERT_OK(linkat(file, "", AT_FDCWD, "by-descriptor", AT_EMPTY_PATH));
  EXPECT_EQ(status_of("a").st_nlink, 3u);
}

TEST_F(Names, SymbolicLinks) {
  ASSERT_OK(symlink("some/where", "s"));
  const auto status = status_of("s");
  EXPECT_EQ(status.st_mode, S_IFLNK | 0777u);
  EXPECT_EQ(status.st_size, 10);
  char text[32];
  memset(text, 'x', sizeof text);
  EXPECT_EQ(readlink("s", text, sizeof text), 10);
  EXPECT_EQ(std::string_view(text, 11), "some/wherex");  // not terminated
  EXPECT_EQ(readlink("s", text, 4), 4);
  EXPECT_ERRNO(EINVAL, readlink("s", text, 0));
  EXPECT_ERRNO(ENOENT, open("s", O_RDONLY));
  EXPECT_ERRNO(EEXIST, symlink("x", "s"));
  EXPECT_ERRNO(ENOENT, symlink("", "t"));
  EXPECT_ERRNO(ENOENT, symlink("x", "missing/t"));
  EXPECT_ERRNO(ENOENT, symlink("x", ""));
}

TEST_F(Names, ReadlinkErrors) {
  write_file("f", "");
  char text[8];
  EXPECT_ERRNO(EINVAL, readlink("f", text, sizeof text));
  EXPECT_ERRNO(EINVAL, readlink(".", text, sizeof text));
  EXPECT_ERRNO(ENOENT, readlink("missing", text, sizeof text));
  EXPECT_ERRNO(ENOTDIR, readlink("f/x", text, sizeof text));
  ASSERT_OK(symlink("x", "s"));
  EXPECT_ERRNO(EFAULT, syscall(SYS_readlink, "s", wild(), 8));
  EXPECT_ERRNO(EFAULT, syscall(SYS_readlink, wild(), text, 8));
  EXPECT_ERRNO(EINVAL, syscall(SYS_readlink, "s", text, -1));
}

TEST_F(Names, LoopsAndLongChains) {
  ASSERT_OK(symlink("b", "a"));
  ASSERT_OK(symlink("a", "b"));
  EXPECT_ERRNO(ELOOP, open("a", O_RDONLY));
  EXPECT_ERRNO(ELOOP, open("a/x", O_RDONLY));
  write_file("c0", "end");
  for (int i = 1; i <= 41; ++i) {
    ASSERT_OK(symlink(("c" + std::to_string(i - 1)).c_str(), ("c" + std::to_string(i)).c_str()));
  }
  EXPECT_EQ(read_file("c40"), "end");
  EXPECT_ERRNO(ELOOP, open("c41", O_RDONLY));
}

TEST_F(Names, LinksInTheMiddle) {
  ASSERT_OK(mkdir("d", 0755));
  write_file("d/f", "x");
  ASSERT_OK(symlink("d", "s"));
  ASSERT_OK(symlink(path("d").c_str(), "absolute"));
  ASSERT_OK(symlink("../d", "d/up"));
  EXPECT_EQ(read_file("s/f"), "x");
  EXPECT_EQ(read_file("absolute/f"), "x");
  EXPECT_EQ(read_file("s/up/up/up/f"), "x");
  EXPECT_EQ(read_file("s/../d/f"), "x");
  EXPECT_TRUE(S_ISDIR(status_of("s/").st_mode));  // the slash follows
  EXPECT_TRUE(S_ISLNK(status_of("s").st_mode));
  write_file("f", "");
  ASSERT_OK(symlink("f", "to-file"));
  EXPECT_ERRNO(ENOTDIR, open("to-file/", O_RDONLY));
}

TEST_F(Names, Unlink) {
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(symlink("d", "s"));
  write_file("f", "");
  EXPECT_ERRNO(EISDIR, unlink("d"));
  EXPECT_ERRNO(ENOTDIR, unlink("s/"));
  EXPECT_ERRNO(ENOTDIR, unlink("f/"));
  EXPECT_ERRNO(ENOTDIR, unlink("f/x"));
  EXPECT_ERRNO(ENOENT, unlink("missing"));
  EXPECT_ERRNO(ENOENT, unlink(""));
  EXPECT_OK(unlink("s"));
  EXPECT_TRUE(exists("d"));
  EXPECT_OK(unlink("f"));
  EXPECT_ERRNO(ENOENT, unlink("f"));
  EXPECT_ERRNO(EFAULT, syscall(SYS_unlink, wild()));
}

TEST_F(Names, UnlinkatRemovesDirectories) {
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(mkdir("d/e", 0755));
  Descriptor directory = open_file("d", O_RDONLY);
  EXPECT_ERRNO(EISDIR, unlinkat(directory, "e", 0));
  EXPECT_ERRNO(EINVAL, unlinkat(directory, "e", 0x8000));
  EXPECT_OK(unlinkat(directory, "e", AT_REMOVEDIR));
  EXPECT_ERRNO(ENOENT, unlinkat(directory, "e", AT_REMOVEDIR));
  EXPECT_ERRNO(EBADF, unlinkat(-1, "e", 0));
}

TEST_F(Names, Mkdir) {
  umask(022);
  ASSERT_OK(mkdir("d", 0777));
  EXPECT_EQ(status_of("d").st_mode, S_IFDIR | 0755u);
  EXPECT_EQ(status_of("d").st_nlink, 2u);
  ASSERT_OK(mkdir("d/e/", 0700));
  EXPECT_EQ(status_of("d").st_nlink, 3u);
  EXPECT_ERRNO(EEXIST, mkdir("d", 0755));
  EXPECT_ERRNO(EEXIST, mkdir("d/.", 0755));
  EXPECT_ERRNO(EEXIST, mkdir("/", 0755));
  EXPECT_ERRNO(ENOENT, mkdir("x/y", 0755));
  write_file("f", "");
  EXPECT_ERRNO(EEXIST, mkdir("f", 0755));
  EXPECT_ERRNO(ENOTDIR, mkdir("f/x", 0755));
  ASSERT_OK(symlink("nowhere", "s"));
  EXPECT_ERRNO(EEXIST, mkdir("s", 0755));
}

TEST_F(Names, Rmdir) {
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(mkdir("d/e", 0755));
  write_file("f", "");
  ASSERT_OK(symlink("d", "s"));
  EXPECT_ERRNO(ENOTEMPTY, rmdir("d"));
  EXPECT_ERRNO(ENOTDIR, rmdir("f"));
  EXPECT_ERRNO(ENOTDIR, rmdir("s"));
  EXPECT_ERRNO(ENOENT, rmdir("missing"));
  EXPECT_ERRNO(EINVAL, rmdir("d/e/."));
  EXPECT_ERRNO(ENOTEMPTY, rmdir("d/e/.."));
  EXPECT_ERRNO(EBUSY, rmdir("/"));
  EXPECT_OK(rmdir("d/e"));
  EXPECT_EQ(status_of("d").st_nlink, 2u);
  EXPECT_OK(rmdir("d/"));
}

TEST_F(Names, LengthLimits) {
  const std::string longest(NAME_MAX, 'n');
  write_file(longest, "x");
  EXPECT_EQ(read_file(longest), "x");
  const std::string longer = longest + "n";
  EXPECT_ERRNO(ENAMETOOLONG, open(longer.c_str(), O_RDONLY));
  EXPECT_ERRNO(ENAMETOOLONG, open(longer.c_str(), O_RDWR | O_CREAT, 0644));
  EXPECT_ERRNO(ENAMETOOLONG, mkdir(longer.c_str(), 0755));
  EXPECT_ERRNO(ENAMETOOLONG, symlink("x", longer.c_str()));
  EXPECT_ERRNO(ENAMETOOLONG, link(longest.c_str(), longer.c_str()));
  std::string dots;
  while (dots.size() + 2 < PATH_MAX - 1) dots += "./";
  EXPECT_OK(open_file(dots.c_str(), O_RDONLY));
  while (dots.size() < PATH_MAX) dots += "./";
  EXPECT_ERRNO(ENAMETOOLONG, open(dots.c_str(), O_RDONLY));
  EXPECT_ERRNO(ENAMETOOLONG, symlink(std::string(PATH_MAX, 'x').c_str(), "s"));
  EXPECT_OK(symlink(std::string(PATH_MAX - 1, 'x').c_str(), "s"));
}

TEST_F(Names, AnyByteButSlashAndZero) {
  for (const char* name : {"a b", "\n", "\xff\xfe", "-", "*", "...", "ü", " "}) {
    write_file(name, name);
    EXPECT_EQ(read_file(name), name);
  }
}

TEST_F(Names, Mknod) {
  ASSERT_OK(mknod("file", S_IFREG | 0640, 0));
  EXPECT_EQ(status_of("file").st_mode, S_IFREG | 0640u);
  ASSERT_OK(mknod("plain", 0600, 0));
  EXPECT_EQ(status_of("plain").st_mode, S_IFREG | 0600u);
  ASSERT_OK(mknod("fifo", S_IFIFO | 0600, 0));
  EXPECT_TRUE(S_ISFIFO(status_of("fifo").st_mode));
  ASSERT_OK(mknod("char", S_IFCHR | 0600, makedev(1, 3)));
  EXPECT_TRUE(S_ISCHR(status_of("char").st_mode));
  EXPECT_EQ(status_of("char").st_rdev, makedev(1, 3));
  ASSERT_OK(mknod("block", S_IFBLK | 0600, makedev(7, 300)));
  EXPECT_EQ(status_of("block").st_rdev, makedev(7, 300));
  EXPECT_ERRNO(EEXIST, mknod("file", S_IFREG | 0600, 0));
  EXPECT_ERRNO(EPERM, mknod("d", S_IFDIR | 0600, 0));
  EXPECT_ERRNO(EINVAL, mknod("l", S_IFLNK | 0600, 0));
  EXPECT_ERRNO(ENOENT, mknod("missing/x", S_IFREG | 0600, 0));
}

TEST_F(Names, DeviceNodesWorkAnywhere) {
  ASSERT_OK(mknod("zero", S_IFCHR | 0666, makedev(1, 5)));
  Descriptor zero = open_file("zero", O_RDONLY);
  // A file system mounted with nodev refuses; where it opens it must be the device.
  if (zero.get() == -1) {
    EXPECT_EQ(errno, EACCES);
    return;
  }
  char buffer[16];
  memset(buffer, 'x', sizeof buffer);
  EXPECT_EQ(read(zero, buffer, sizeof buffer), (ssize_t)sizeof buffer);
  EXPECT_EQ(buffer[7], 0);
}

}  // namespace
}  // namespace cv6::guest
