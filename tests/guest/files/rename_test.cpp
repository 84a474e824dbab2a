// rename, renameat and renameat2 in all their cases.

#include <sys/stat.h>
#include <sys/syscall.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class Rename : public TempDir {
 protected:
  ino_t inode(const char* name) {
    struct stat status{};
    EXPECT_OK(lstat(name, &status)) << name;
    return status.st_ino;
  }
  nlink_t links(const char* name) {
    struct stat status{};
    EXPECT_OK(lstat(name, &status)) << name;
    return status.st_nlink;
  }
};

TEST_F(Rename, FileToNewName) {
  write_file("a", "text");
  const ino_t before = inode("a");
  ASSERT_OK(rename("a", "b"));
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(inode("b"), before);
  EXPECT_EQ(read_file("b"), "text");
}

TEST_F(Rename, FileOverFile) {
  write_file("a", "new");
  write_file("b", "old");
  Descriptor old = open_file("b", O_RDONLY);
  ASSERT_OK(rename("a", "b"));
  EXPECT_EQ(read_file("b"), "new");
  EXPECT_FALSE(exists("a"));
  char text[4] = {};
  EXPECT_EQ(read(old, text, 3), 3);  // the replaced file lives while it is open
  EXPECT_STREQ(text, "old");
  struct stat status;
  EXPECT_OK(fstat(old, &status));
  EXPECT_EQ(status.st_nlink, 0u);
}

TEST_F(Rename, FileOntoItself) {
  write_file("a", "x");
  EXPECT_OK(rename("a", "a"));
  EXPECT_EQ(read_file("a"), "x");
}

TEST_F(Rename, OverHardLinkOfTheSameFileDoesNothing) {
  write_file("a", "x");
  ASSERT_OK(link("a", "b"));
  EXPECT_OK(rename("a", "b"));
  EXPECT_TRUE(exists("a"));
  EXPECT_TRUE(exists("b"));
  EXPECT_EQ(links("a"), 2u);
}

TEST_F(Rename, DirectoryOntoEmptyDirectory) {
  ASSERT_OK(mkdir("a", 0755));
  write_file("a/f", "x");
  ASSERT_OK(mkdir("b", 0755));
  ASSERT_OK(rename("a", "b"));
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(read_file("b/f"), "x");
}

TEST_F(Rename, DirectoryOntoFullDirectory) {
  ASSERT_OK(mkdir("a", 0755));
  ASSERT_OK(mkdir("b", 0755));
  write_file("b/f", "x");
  const int result = rename("a", "b");
  EXPECT_TRUE(result == -1 && (errno == ENOTEMPTY || errno == EEXIST));
  EXPECT_TRUE(exists("a"));
}

TEST_F(Rename, DirectoryAndFileDoNotMix) {
  ASSERT_OK(mkdir("d", 0755));
  write_file("f", "x");
  EXPECT_ERRNO(EISDIR, rename("f", "d"));
  EXPECT_ERRNO(ENOTDIR, rename("d", "f"));
  EXPECT_ERRNO(ENOTDIR, rename("f", "new/"));
  EXPECT_ERRNO(ENOTDIR, rename("f/", "new"));
  EXPECT_OK(rename("d/", "e/"));
  EXPECT_TRUE(exists("e"));
}

TEST_F(Rename, IntoItself) {
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(mkdir("d/e", 0755));
  EXPECT_ERRNO(EINVAL, rename("d", "d/x"));
  EXPECT_ERRNO(EINVAL, rename("d", "d/e/x"));
  EXPECT_ERRNO(EINVAL, rename("d", "d/e"));
  const int result = rename("d/e", "d");  // onto its own parent, which is not empty
  EXPECT_TRUE(result == -1 && (errno == ENOTEMPTY || errno == EEXIST));
}

TEST_F(Rename, DotAndRoot) {
  ASSERT_OK(mkdir("d", 0755));
  EXPECT_ERRNO(EBUSY, rename("d/.", "e"));
  EXPECT_ERRNO(EBUSY, rename("d", "d/.."));
  const int result = rename("/", "e");  // EXDEV where the test's directory is on another file system
  EXPECT_TRUE(result == -1 && (errno == EBUSY || errno == EXDEV));
  EXPECT_ERRNO(EBUSY, rename("d", "."));
}

TEST_F(Rename, MissingNames) {
  write_file("f", "");
  EXPECT_ERRNO(ENOENT, rename("missing", "x"));
  EXPECT_ERRNO(ENOENT, rename("f", "missing/x"));
  EXPECT_ERRNO(ENOENT, rename("f", ""));
  EXPECT_ERRNO(ENOENT, rename("", "f"));
  EXPECT_ERRNO(ENOTDIR, rename("f/x", "y"));
  EXPECT_ERRNO(ENOTDIR, rename("f", "f/x"));
  EXPECT_ERRNO(EXDEV, rename("f", "/proc/f"));
  EXPECT_ERRNO(ENAMETOOLONG, rename("f", std::string(256, 'x').c_str()));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rename, wild(), "x"));
  EXPECT_ERRNO(EFAULT, syscall(SYS_rename, "f", wild()));
}

TEST_F(Rename, MovesDirectoriesBetweenParents) {
  ASSERT_OK(mkdir("a", 0755));
  ASSERT_OK(mkdir("b", 0755));
  ASSERT_OK(mkdir("a/d", 0755));
  write_file("mark", "here");
  write_file("b/mark", "in b");
  EXPECT_EQ(links("a"), 3u);
  ASSERT_OK(rename("a/d", "b/d"));
  EXPECT_EQ(links("a"), 2u);
  EXPECT_EQ(links("b"), 3u);
  EXPECT_EQ(read_file("b/d/../mark"), "in b");  // .. follows
  EXPECT_EQ(inode("b/d/.."), inode("b"));
}

TEST_F(Rename, LinksAreRenamedThemselves) {
  write_file("f", "x");
  ASSERT_OK(symlink("f", "s"));
  ASSERT_OK(rename("s", "t"));
  char text[4] = {};
  EXPECT_EQ(readlink("t", text, 4), 1);
  EXPECT_TRUE(exists("f"));
  write_file("g", "y");
  ASSERT_OK(rename("g", "t"));  // replaces the link, not its target
  EXPECT_EQ(read_file("f"), "x");
  EXPECT_EQ(read_file("t"), "y");
}

TEST_F(Rename, CurrentDirectoryFollows) {
  ASSERT_OK(mkdir("a", 0755));
  ASSERT_OK(mkdir("b", 0755));
  ASSERT_OK(mkdir("a/c", 0755));
  EXPECT_CHILD({
    ASSERT_OK(chdir("a/c"));
    ASSERT_OK(rename("../../a/c", "../../b/z"));
    char directory[4096];
    EXPECT_EQ(getcwd(directory, sizeof directory), path("b/z"));
  });
}

TEST_F(Rename, OpenFilesStayOpen) {
  write_file("a", "text");
  Descriptor file = open_file("a", O_RDWR);
  ASSERT_OK(rename("a", "b"));
  EXPECT_EQ(write(file, "TE", 2), 2);
  EXPECT_EQ(read_file("b"), "TExt");
}

TEST_F(Rename, Noreplace) {
  write_file("a", "a");
  write_file("b", "b");
  EXPECT_ERRNO(EEXIST, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
  EXPECT_ERRNO(EEXIST, renameat2(AT_FDCWD, "a", AT_FDCWD, "a", RENAME_NOREPLACE));
  EXPECT_OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
  EXPECT_EQ(read_file("b"), "b");
  EXPECT_EQ(read_file("c"), "a");
}

TEST_F(Rename, Exchange) {
  write_file("a", "file");
  ASSERT_OK(mkdir("d", 0755));
  write_file("d/x", "inside");
  ASSERT_OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
  EXPECT_EQ(read_file("d"), "file");
  EXPECT_EQ(read_file("a/x"), "inside");
  EXPECT_ERRNO(ENOENT, renameat2(AT_FDCWD, "a", AT_FDCWD, "missing", RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "a/x", RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "a/x", AT_FDCWD, "a", RENAME_EXCHANGE));
}

TEST_F(Rename, ExchangeOfDirectoriesInDifferentParents) {
  ASSERT_OK(mkdir("p", 0755));
  ASSERT_OK(mkdir("q", 0755));
  ASSERT_OK(mkdir("p/one", 0755));
  write_file("q/two", "2");
  ASSERT_OK(renameat2(AT_FDCWD, "p/one", AT_FDCWD, "q/two", RENAME_EXCHANGE));
  EXPECT_EQ(read_file("p/one"), "2");
  EXPECT_EQ(inode("q/two/.."), inode("q"));
  EXPECT_EQ(links("p"), 2u);
  EXPECT_EQ(links("q"), 3u);
}

TEST_F(Rename, FlagErrors) {
  write_file("a", "");
  EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
  EXPECT_ERRNO(EINVAL, renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 0x100));
  EXPECT_ERRNO(EBADF, renameat(-1, "a", AT_FDCWD, "b"));
  EXPECT_ERRNO(EBADF, renameat(AT_FDCWD, "a", -1, "b"));
  Descriptor file = open_file("a", O_RDONLY);
  EXPECT_ERRNO(ENOTDIR, renameat(file, "a", AT_FDCWD, "b"));
}

TEST_F(Rename, RelativeToDirectories) {
  ASSERT_OK(mkdir("from", 0755));
  ASSERT_OK(mkdir("to", 0755));
  write_file("from/f", "x");
  Descriptor from = open_file("from", O_RDONLY);
  Descriptor to = open_file("to", O_PATH);
  EXPECT_OK(renameat(from, "f", to, "g"));
  EXPECT_EQ(read_file("to/g"), "x");
}

TEST_F(Rename, ChangesCtimeAndParentsMtime) {
  write_file("a", "");
  ASSERT_OK(mkdir("d", 0755));
  const timespec old[2] = {{1, 0}, {1, 0}};
  ASSERT_OK(utimensat(AT_FDCWD, "d", old, 0));
  ASSERT_OK(utimensat(AT_FDCWD, ".", old, 0));
  ASSERT_OK(rename("a", "d/a"));
  struct stat status;
  ASSERT_OK(stat("d", &status));
  EXPECT_GT(status.st_mtime, 1);
  ASSERT_OK(stat(".", &status));
  EXPECT_GT(status.st_mtime, 1);
}

}  // namespace
}  // namespace cv6::guest
