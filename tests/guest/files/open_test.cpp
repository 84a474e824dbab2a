// open and openat with all their flags.

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class Open : public TempDir {};

TEST_F(Open, LowestFreeDescriptor) {
  Descriptor first = open_file("/dev/null", O_RDONLY);
  Descriptor second = open_file("/dev/null", O_RDONLY);
  const int number = first.get();
  EXPECT_GT(second.get(), number);
  first.close();
  Descriptor third = open_file("/dev/null", O_RDONLY);
  EXPECT_EQ(third.get(), number);
}

TEST_F(Open, MissingFile) {
  EXPECT_ERRNO(ENOENT, open("a", O_RDONLY));
  EXPECT_ERRNO(ENOENT, open("a/b", O_RDONLY));
  EXPECT_ERRNO(ENOENT, open("a/b", O_RDWR | O_CREAT, 0644));
  EXPECT_ERRNO(ENOENT, open("", O_RDONLY));
  EXPECT_ERRNO(ENOENT, open("", O_RDWR | O_CREAT, 0644));
}

TEST_F(Open, CreatesWithModeLessUmask) {
  struct stat status;
  umask(027);
  Descriptor file = open_file("a", O_RDWR | O_CREAT, 0666);
  ASSERT_OK(file);
  ASSERT_OK(fstat(file, &status));
  EXPECT_EQ(status.st_mode, S_IFREG | 0640u);
  EXPECT_EQ(status.st_size, 0);
  EXPECT_EQ(status.st_nlink, 1u);
  Descriptor again = open_file("a", O_RDWR | O_CREAT, 0777);  // the mode only counts for a new file
  ASSERT_OK(fstat(again, &status));
  EXPECT_EQ(status.st_mode, S_IFREG | 0640u);
}

TEST_F(Open, NewFileMayBeOpenedBeyondItsMode) {
  Descriptor file = open_file("a", O_RDWR | O_CREAT, 0);
  ASSERT_OK(file);
  EXPECT_EQ(write(file, "x", 1), 1);
}

TEST_F(Open, ExclusiveCreation) {
  Descriptor file = open_file("a", O_RDWR | O_CREAT | O_EXCL);
  ASSERT_OK(file);
  EXPECT_ERRNO(EEXIST, open("a", O_RDWR | O_CREAT | O_EXCL, 0644));
  ASSERT_OK(mkdir("d", 0755));
  EXPECT_ERRNO(EEXIST, open("d", O_RDONLY | O_CREAT | O_EXCL, 0644));
  ASSERT_OK(symlink("nowhere", "dangling"));
  EXPECT_ERRNO(EEXIST, open("dangling", O_RDWR | O_CREAT | O_EXCL, 0644));
  EXPECT_FALSE(exists("nowhere"));
}

TEST_F(Open, CreatesThroughDanglingLink) {
  ASSERT_OK(symlink("target", "link"));
  Descriptor file = open_file("link", O_RDWR | O_CREAT);
  ASSERT_OK(file);
  EXPECT_TRUE(exists("target"));
}

TEST_F(Open, Truncation) {
  write_file("a", "some text");
  EXPECT_OK(open_file("a", O_RDWR));
  EXPECT_EQ(read_file("a"), "some text");
  EXPECT_OK(open_file("a", O_RDWR | O_TRUNC));
  EXPECT_EQ(read_file("a"), "");
}

TEST_F(Open, AppendAlwaysWritesAtTheEnd) {
  write_file("a", "12345");
  Descriptor file = open_file("a", O_RDWR | O_APPEND);
  EXPECT_EQ(lseek(file, 0, SEEK_CUR), 0);
  EXPECT_EQ(write(file, "6", 1), 1);
  EXPECT_EQ(lseek(file, 0, SEEK_CUR), 6);
  EXPECT_EQ(lseek(file, 2, SEEK_SET), 2);
  EXPECT_EQ(write(file, "7", 1), 1);
  EXPECT_EQ(pwrite(file, "8", 1, 0), 1);  // Linux: appends although the offset is given
  EXPECT_EQ(read_file("a"), "12345678");
}

TEST_F(Open, AppendersDoNotOverwriteEachOther) {
  write_file("a", "");
  Descriptor first = open_file("a", O_WRONLY | O_APPEND);
  Descriptor second = open_file("a", O_WRONLY | O_APPEND);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(write(first, "a", 1), 1);
    EXPECT_EQ(write(second, "b", 1), 1);
  }
  EXPECT_EQ(read_file("a"), "ababab");
}

TEST_F(Open, AccessModesAreKept) {
  write_file("a", "text");
  char buffer[8];
  Descriptor reader = open_file("a", O_RDONLY);
  EXPECT_ERRNO(EBADF, write(reader, "x", 1));
  EXPECT_ERRNO(EINVAL, ftruncate(reader, 0));
  Descriptor writer = open_file("a", O_WRONLY);
  EXPECT_ERRNO(EBADF, read(writer, buffer, 1));
  EXPECT_EQ(fcntl(reader, F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(fcntl(writer, F_GETFL) & O_ACCMODE, O_WRONLY);
}

TEST_F(Open, Directories) {
  ASSERT_OK(mkdir("d", 0755));
  write_file("f", "");
  Descriptor directory = open_file("d", O_RDONLY | O_DIRECTORY);
  EXPECT_OK(directory);
  char buffer[8];
  EXPECT_ERRNO(EISDIR, read(directory, buffer, 1));
  EXPECT_ERRNO(EISDIR, open("d", O_WRONLY));
  EXPECT_ERRNO(EISDIR, open("d", O_RDWR));
  EXPECT_ERRNO(EISDIR, open("d", O_RDONLY | O_CREAT, 0644));
  EXPECT_ERRNO(EISDIR, open("d", O_RDONLY | O_TRUNC));
  EXPECT_ERRNO(EISDIR, open("new/", O_RDWR | O_CREAT, 0644));
  EXPECT_ERRNO(ENOTDIR, open("f", O_RDONLY | O_DIRECTORY));
  EXPECT_ERRNO(ENOTDIR, open("f/", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("f/x", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("f/.", O_RDONLY));
  EXPECT_ERRNO(EINVAL, open("d", O_RDONLY | O_DIRECTORY | O_CREAT, 0644));
  EXPECT_OK(open_file("d/", O_RDONLY));
  EXPECT_OK(open_file("d/.", O_RDONLY));
  EXPECT_OK(open_file("d/../d//./", O_RDONLY));
}

TEST_F(Open, Nofollow) {
  write_file("f", "x");
  ASSERT_OK(mkdir("d", 0755));
  write_file("d/f", "y");
  ASSERT_OK(symlink("f", "link"));
  ASSERT_OK(symlink("d", "dlink"));
  EXPECT_ERRNO(ELOOP, open("link", O_RDONLY | O_NOFOLLOW));
  EXPECT_ERRNO(ENOTDIR, open("dlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
  EXPECT_OK(open_file("dlink/f", O_RDONLY | O_NOFOLLOW));  // only the last component
  EXPECT_OK(open_file("f", O_RDONLY | O_NOFOLLOW));
}

TEST_F(Open, PathDescriptors) {
  write_file("f", "x", 0);
  Descriptor file = open_file("f", O_PATH);
  ASSERT_OK(file);
  char buffer[8];
  struct stat status;
  EXPECT_ERRNO(EBADF, read(file, buffer, 1));
  EXPECT_ERRNO(EBADF, write(file, "x", 1));
  EXPECT_ERRNO(EBADF, lseek(file, 0, SEEK_SET));
  EXPECT_ERRNO(EBADF, fchmod(file, 0644));
  EXPECT_ERRNO(EBADF, fchown(file, 0, 0));
  EXPECT_ERRNO(EBADF, ftruncate(file, 0));
  EXPECT_ERRNO(EBADF, ioctl(file, 0x5401, buffer));
  EXPECT_EQ(MAP_FAILED, mmap(nullptr, page_size, PROT_READ, MAP_PRIVATE, file, 0));
  EXPECT_EQ(errno, EBADF);
  EXPECT_OK(fstat(file, &status));
  EXPECT_TRUE(fcntl(file, F_GETFL) & O_PATH);
  Descriptor copy(fcntl(file, F_DUPFD_CLOEXEC, 0));
  EXPECT_OK(copy);
}

TEST_F(Open, PathOfALinkItself) {
  ASSERT_OK(symlink("target", "link"));
  Descriptor link = open_file("link", O_PATH | O_NOFOLLOW);
  ASSERT_OK(link);
  struct stat status;
  ASSERT_OK(fstat(link, &status));
  EXPECT_TRUE(S_ISLNK(status.st_mode));
  char text[16] = {};
  EXPECT_EQ(readlinkat(link, "", text, sizeof text), 6);
  EXPECT_STREQ(text, "target");
}

TEST_F(Open, PathDescriptorAsDirectory) {
  ASSERT_OK(mkdir("d", 0755));
  Descriptor directory = open_file("d", O_PATH | O_DIRECTORY);
  ASSERT_OK(directory);
  Descriptor file(openat(directory, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  EXPECT_OK(file);
  EXPECT_OK(fchdir(directory));
  EXPECT_TRUE(exists("f"));
}

TEST_F(Open, TemporaryFileHasNoName) {
  Descriptor file = open_file(".", O_TMPFILE | O_RDWR, 0600);
  ASSERT_OK(file);
  EXPECT_EQ(write(file, "hidden", 6), 6);
  struct stat status;
  ASSERT_OK(fstat(file, &status));
  EXPECT_EQ(status.st_nlink, 0u);
  EXPECT_EQ(status.st_mode, S_IFREG | 0600u);
  const std::string self = "/proc/self/fd/" + std::to_string(file);
  ASSERT_OK(linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  EXPECT_EQ(read_file("named"), "hidden");
}

TEST_F(Open, TemporaryFileThatLostItsNameGetsNoOther) {
  for (const bool replaced : {false, true}) {
    const Descriptor file = open_file(".", O_TMPFILE | O_RDWR, 0600);
    ASSERT_OK(file);
    const std::string self = "/proc/self/fd/" + std::to_string(file);
    ASSERT_OK(linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "first", AT_SYMLINK_FOLLOW));
    ASSERT_OK(linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
    ASSERT_OK(unlink("first"));
    ASSERT_OK(linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "third", AT_SYMLINK_FOLLOW));
    ASSERT_OK(unlink("second"));
    write_file("other", "");
    ASSERT_OK(replaced ? rename("other", "third") : unlink("third"));
    EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "fourth", AT_SYMLINK_FOLLOW));
    EXPECT_FALSE(exists("fourth"));
    EXPECT_EQ(write(file, "still a file", 12), 12);
  }
}

TEST_F(Open, TemporaryFileErrors) {
  write_file("f", "");
  EXPECT_ERRNO(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0600));
  EXPECT_ERRNO(ENOTDIR, open("f", O_TMPFILE | O_RDWR, 0600));
  EXPECT_ERRNO(ENOENT, open("missing", O_TMPFILE | O_RDWR, 0600));
  Descriptor file = open_file(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  ASSERT_OK(file);
  const std::string self = "/proc/self/fd/" + std::to_string(file);
  EXPECT_ERRNO(ENOENT, linkat(AT_FDCWD, self.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
}

TEST_F(Open, CloexecFlag) {
  Descriptor with(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Descriptor without(open("/dev/null", O_RDONLY));
  EXPECT_EQ(fcntl(with, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(without, F_GETFD), 0);
}

TEST_F(Open, RelativeToADirectory) {
  ASSERT_OK(mkdir("d", 0755));
  write_file("d/f", "inside");
  write_file("plain", "");
  Descriptor directory = open_file("d", O_RDONLY | O_DIRECTORY);
  Descriptor plain = open_file("plain", O_RDONLY);
  EXPECT_OK(Descriptor(openat(directory, "f", O_RDONLY)));
  EXPECT_OK(Descriptor(openat(directory, "../plain", O_RDONLY)));
  EXPECT_OK(Descriptor(openat(-1, path("plain").c_str(), O_RDONLY)));  // absolute: the descriptor does not matter
  EXPECT_ERRNO(EBADF, openat(-1, "f", O_RDONLY));
  EXPECT_ERRNO(EBADF, openat(999, "f", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, openat(plain, "f", O_RDONLY));
}

// Who is told that there is no descriptor left has not made the file, nor emptied it.
TEST_F(Open, WithoutADescriptorNothingHappens) {
  write_file("full", "text");
  EXPECT_CHILD({
    const rlimit few{20, 20};
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
    while (dup(0) != -1) continue;
    EXPECT_ERRNO(EMFILE, open("new", O_WRONLY | O_CREAT, 0644));
    EXPECT_ERRNO(EMFILE, open("full", O_WRONLY | O_TRUNC));
    EXPECT_ERRNO(EMFILE, open(".", O_WRONLY | O_TMPFILE, 0644));
    close(19);
    EXPECT_ERRNO(ENOENT, open("new", O_RDONLY));
    EXPECT_EQ(read_file("full"), "text");
    EXPECT_ERRNO(EEXIST, open("full", O_RDWR | O_CREAT | O_EXCL, 0644));  // the number is free again afterwards
    EXPECT_EQ(open("new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), 19);
    EXPECT_EQ(fcntl(19, F_GETFD), FD_CLOEXEC);
  });
}

// A number that waits for its file is no descriptor yet.
TEST_F(Open, WhatIsBeingMadeIsNoDescriptorYet) {
  ASSERT_OK(mkfifo("fifo", 0644));
  EXPECT_CHILD({
    closefrom(3);
    std::atomic<pid_t> opener{0};
    std::thread thread([&] {
      opener = gettid();
      EXPECT_EQ(open("fifo", O_WRONLY | O_TRUNC), 3);
    });
    ASSERT_TRUE(wait_until([&] { return opener != 0; }));
    ASSERT_TRUE(wait_until_blocked(opener));
    EXPECT_ERRNO(EBADF, fcntl(3, F_GETFD));
    EXPECT_ERRNO(EBADF, close(3));
    EXPECT_ERRNO(EBUSY, dup2(0, 3));
    EXPECT_OK(close_range(3, ~0u, 0));
    EXPECT_CHILD({ EXPECT_EQ(dup(0), 3); });
    EXPECT_EQ(open("fifo", O_RDONLY | O_NONBLOCK), 4);
    thread.join();
    EXPECT_OK(fcntl(3, F_GETFD));
  });
}

TEST_F(Open, TooManyFiles) {
  EXPECT_CHILD({
    const rlimit few{20, 20};
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
    int last = -1;
    int fd;
    while ((fd = open("/dev/null", O_RDONLY)) != -1) last = fd;
    EXPECT_EQ(errno, EMFILE);
    EXPECT_EQ(last, 19);
    EXPECT_ERRNO(EMFILE, dup(0));
    int ends[2];
    EXPECT_ERRNO(EMFILE, pipe(ends));
    EXPECT_ERRNO(EINVAL, fcntl(0, F_DUPFD, 20));
    EXPECT_ERRNO(EBADF, dup2(0, 20));
    close(10);
    EXPECT_ERRNO(EMFILE, pipe(ends));  // one is not enough for two
    EXPECT_EQ(open("/dev/null", O_RDONLY), 10);
  });
}

TEST_F(Open, SpecialFiles) {
  ASSERT_OK(mknod("device", S_IFCHR | 0600, makedev(0xabc, 0xdef)));
  EXPECT_ERRNO(ENXIO, open("device", O_RDONLY));
  EXPECT_ERRNO(ENOTDIR, open("/dev/null/", O_RDONLY));
}

TEST_F(Open, WildPath) {
  for (std::size_t i = 0; i < std::size(wild_addresses); ++i) {
    EXPECT_ERRNO(EFAULT, syscall(SYS_open, wild(i), O_RDONLY));
    EXPECT_ERRNO(EFAULT, syscall(SYS_openat, AT_FDCWD, wild(i), O_RDONLY));
  }
  EdgeBuffer edge(3);
  memcpy(edge.as(), "abc", 3);  // no terminator before the end of memory
  EXPECT_ERRNO(EFAULT, open(edge.as(), O_RDONLY));
  EdgeBuffer good(2);
  memcpy(good.as(), ".", 2);
  EXPECT_OK(open_file(good.as(), O_RDONLY));
}

}  // namespace
}  // namespace cv6::guest
