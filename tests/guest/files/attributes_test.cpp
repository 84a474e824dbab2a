// Attributes: stat and statx, chmod, chown, times and what changes them, statfs, access.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <utime.h>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class Attributes : public TempDir {
 protected:
  struct stat status_of(const char* name) {
    struct stat status{};
    EXPECT_OK(lstat(name, &status)) << name;
    return status;
  }
  // Sets both times far into the past, so that a change shows whatever the clock's resolution is.
  void age(const char* name) {
    const timespec old[2] = {{1000, 0}, {1000, 0}};
    ASSERT_OK(utimensat(AT_FDCWD, name, old, AT_SYMLINK_NOFOLLOW));
  }
  // Waits until the coarse clock that stamps files has moved on, so that a new ctime must differ.
  void let_clock_tick() {
    timespec start{};
    clock_gettime(CLOCK_REALTIME_COARSE, &start);
    EXPECT_TRUE(wait_until([&] {
      timespec now{};
      clock_gettime(CLOCK_REALTIME_COARSE, &now);
      return now.tv_sec != start.tv_sec || now.tv_nsec > start.tv_nsec + 10'000'000;
    }));
  }
  bool ctime_changes(const char* name, const std::function<void()>& action) {
    const auto before = status_of(name).st_ctim;
    let_clock_tick();
    action();
    const auto after = status_of(name).st_ctim;
    return after.tv_sec != before.tv_sec || after.tv_nsec != before.tv_nsec;
  }
};

TEST_F(Attributes, StatOfAFile) {
  write_file("f", "12345");
  const auto status = status_of("f");
  EXPECT_EQ(status.st_mode, S_IFREG | 0644u);
  EXPECT_EQ(status.st_size, 5);
  EXPECT_EQ(status.st_nlink, 1u);
  EXPECT_EQ(status.st_uid, geteuid());
  EXPECT_EQ(status.st_gid, getegid());
  EXPECT_GE(status.st_blksize, 512);
  EXPECT_GE(status.st_blocks, 1);
  EXPECT_GT(status.st_ino, 0u);
  EXPECT_EQ(status.st_dev, status_of(".").st_dev);
}

TEST_F(Attributes, AllWaysToAskAgree) {
  write_file("f", "x");
  ASSERT_OK(symlink("f", "s"));
  Descriptor file = open_file("f", O_RDONLY);
  Descriptor directory = open_file(".", O_RDONLY);
  struct stat a, b, c, d, e;
  ASSERT_OK(stat("s", &a));
  ASSERT_OK(fstat(file, &b));
  ASSERT_OK(fstatat(directory, "f", &c, 0));
  ASSERT_OK(fstatat(file, "", &d, AT_EMPTY_PATH));
  ASSERT_OK(fstatat(directory, "s", &e, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(a.st_ino, b.st_ino);
  EXPECT_EQ(a.st_ino, c.st_ino);
  EXPECT_EQ(a.st_ino, d.st_ino);
  EXPECT_NE(a.st_ino, e.st_ino);
  EXPECT_TRUE(S_ISLNK(e.st_mode));
}

TEST_F(Attributes, StatErrors) {
  write_file("f", "");
  struct stat status;
  EXPECT_ERRNO(ENOENT, stat("missing", &status));
  EXPECT_ERRNO(ENOENT, stat("", &status));
  EXPECT_ERRNO(ENOTDIR, stat("f/", &status));
  EXPECT_ERRNO(EBADF, fstat(-1, &status));
  EXPECT_ERRNO(EINVAL, fstatat(AT_FDCWD, "f", &status, 0x40000));
  EXPECT_ERRNO(EFAULT, syscall(SYS_stat, wild(), &status));
  EXPECT_ERRNO(EFAULT, syscall(SYS_stat, "f", wild()));
  EXPECT_ERRNO(EFAULT, syscall(SYS_fstat, 0, wild()));
}

TEST_F(Attributes, Statx) {
  write_file("f", "123");
  struct statx status{};
  ASSERT_OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &status));
  EXPECT_EQ(status.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
  const auto plain = status_of("f");
  EXPECT_EQ(status.stx_size, 3u);
  EXPECT_EQ(status.stx_ino, plain.st_ino);
  EXPECT_EQ(status.stx_mode, plain.st_mode);
  EXPECT_EQ(status.stx_mtime.tv_sec, plain.st_mtim.tv_sec);
  EXPECT_EQ(status.stx_mtime.tv_nsec, plain.st_mtim.tv_nsec);
  EXPECT_EQ(makedev(status.stx_dev_major, status.stx_dev_minor), plain.st_dev);
  EXPECT_OK(statx(AT_FDCWD, "f", AT_STATX_DONT_SYNC, STATX_SIZE, &status));
  EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, "f", 0x40000, STATX_SIZE, &status));
  EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, "f", AT_STATX_SYNC_TYPE, STATX_SIZE, &status));
  EXPECT_ERRNO(EINVAL, statx(AT_FDCWD, "f", 0, 0x80000000u, &status));
  EXPECT_ERRNO(ENOENT, statx(AT_FDCWD, "missing", 0, STATX_SIZE, &status));
  EXPECT_ERRNO(ENOENT, statx(AT_FDCWD, "", 0, STATX_SIZE, &status));
  EXPECT_ERRNO(EFAULT, syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_SIZE, wild()));
}

TEST_F(Attributes, Chmod) {
  write_file("f", "");
  for (const mode_t mode : {0u, 0777u, 04755u, 02755u, 01777u, 0123u}) {
    ASSERT_OK(chmod("f", mode));
    EXPECT_EQ(status_of("f").st_mode, S_IFREG | mode);
  }
  Descriptor file = open_file("f", O_RDONLY);
  ASSERT_OK(fchmod(file, 0604));
  EXPECT_EQ(status_of("f").st_mode, S_IFREG | 0604u);
  ASSERT_OK(symlink("f", "s"));
  ASSERT_OK(fchmodat(AT_FDCWD, "s", 0600, 0));  // follows
  EXPECT_EQ(status_of("f").st_mode, S_IFREG | 0600u);
  EXPECT_ERRNO(ENOENT, chmod("missing", 0));
  EXPECT_ERRNO(ENOTDIR, chmod("f/x", 0));
  EXPECT_ERRNO(EBADF, fchmod(-1, 0));
  EXPECT_TRUE(ctime_changes("f", [] { chmod("f", 0640); }));
}

TEST_F(Attributes, Chown) {
  write_file("f", "");
  ASSERT_OK(chown("f", 123, 456));
  EXPECT_EQ(status_of("f").st_uid, 123u);
  EXPECT_EQ(status_of("f").st_gid, 456u);
  ASSERT_OK(chown("f", -1, 789));
  EXPECT_EQ(status_of("f").st_uid, 123u);
  EXPECT_EQ(status_of("f").st_gid, 789u);
  ASSERT_OK(chown("f", 1, -1));
  EXPECT_EQ(status_of("f").st_uid, 1u);
  ASSERT_OK(symlink("f", "s"));
  ASSERT_OK(lchown("s", 5, 6));
  EXPECT_EQ(status_of("s").st_uid, 5u);
  EXPECT_EQ(status_of("f").st_uid, 1u);
  ASSERT_OK(chown("s", 7, 8));
  EXPECT_EQ(status_of("f").st_uid, 7u);
  Descriptor file = open_file("f", O_RDONLY);
  ASSERT_OK(fchown(file, 9, 10));
  ASSERT_OK(fchownat(file, "", 11, -1, AT_EMPTY_PATH));
  EXPECT_EQ(status_of("f").st_uid, 11u);
  EXPECT_EQ(status_of("f").st_gid, 10u);
  EXPECT_ERRNO(EINVAL, fchownat(AT_FDCWD, "f", 0, 0, 0x8000));
  EXPECT_TRUE(ctime_changes("f", [] { chown("f", 0, 0); }));
}

TEST_F(Attributes, ChownClearsSetidBits) {
  write_file("f", "");
  ASSERT_OK(chmod("f", 06755));
  ASSERT_OK(chown("f", 1000, 1000));
  EXPECT_EQ(status_of("f").st_mode, S_IFREG | 0755u);
  ASSERT_OK(chmod("f", 02644));  // without group execute the bit means mandatory locking and stays
  ASSERT_OK(chown("f", 0, 0));
  EXPECT_EQ(status_of("f").st_mode, S_IFREG | 02644u);
}

TEST_F(Attributes, SetgidDirectoriesGiveTheirGroup) {
  ASSERT_OK(mkdir("d", 0755));
  ASSERT_OK(chown("d", 0, 4321));
  ASSERT_OK(chmod("d", 02755));
  write_file("d/f", "");
  ASSERT_OK(mkdir("d/e", 0755));
  EXPECT_EQ(status_of("d/f").st_gid, 4321u);
  EXPECT_EQ(status_of("d/e").st_gid, 4321u);
  EXPECT_EQ(status_of("d/e").st_mode, S_IFDIR | 02755u);
}

TEST_F(Attributes, SettingTimes) {
  write_file("f", "");
  const timespec times[2] = {{1'000'000'000, 123'456'789}, {2'000'000'000, 987'654'321}};
  ASSERT_OK(utimensat(AT_FDCWD, "f", times, 0));
  EXPECT_EQ(status_of("f").st_atim.tv_sec, 1'000'000'000);
  EXPECT_EQ(status_of("f").st_atim.tv_nsec, 123'456'789);
  EXPECT_EQ(status_of("f").st_mtim.tv_sec, 2'000'000'000);
  EXPECT_EQ(status_of("f").st_mtim.tv_nsec, 987'654'321);
  const timespec partly[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
  ASSERT_OK(utimensat(AT_FDCWD, "f", partly, 0));
  EXPECT_EQ(status_of("f").st_atim.tv_sec, 1'000'000'000);
  EXPECT_NE(status_of("f").st_mtim.tv_sec, 2'000'000'000);
  const utimbuf old{111, 222};
  ASSERT_OK(utime("f", &old));
  EXPECT_EQ(status_of("f").st_atime, 111);
  EXPECT_EQ(status_of("f").st_mtime, 222);
  Descriptor file = open_file("f", O_RDONLY);
  ASSERT_OK(futimens(file, times));
  EXPECT_EQ(status_of("f").st_mtim.tv_nsec, 987'654'321);
  ASSERT_OK(utimensat(AT_FDCWD, "f", nullptr, 0));
  EXPECT_NE(status_of("f").st_atim.tv_sec, 1'000'000'000);
}

TEST_F(Attributes, TimesBeforeTheEpochAndAfter2038) {
  write_file("f", "");
  for (const time_t seconds : {time_t{-1}, time_t{0x80000000}, time_t{0x1'0000'0000}}) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_OK(utimensat(AT_FDCWD, "f", times, 0));
    EXPECT_EQ(status_of("f").st_mtime, seconds);
  }
}

TEST_F(Attributes, TimesOfLinksAndErrors) {
  write_file("f", "");
  ASSERT_OK(symlink("f", "s"));
  const timespec times[2] = {{5, 0}, {6, 0}};
  ASSERT_OK(utimensat(AT_FDCWD, "s", times, AT_SYMLINK_NOFOLLOW));
  EXPECT_EQ(status_of("s").st_mtime, 6);
  EXPECT_NE(status_of("f").st_mtime, 6);
  const timespec wrong[2] = {{0, 1'000'000'000}, {0, 0}};
  EXPECT_ERRNO(EINVAL, utimensat(AT_FDCWD, "f", wrong, 0));
  EXPECT_ERRNO(ENOENT, utimensat(AT_FDCWD, "missing", times, 0));
  EXPECT_ERRNO(EINVAL, utimensat(AT_FDCWD, "f", times, 0x8000));
  EXPECT_ERRNO(EFAULT, syscall(SYS_utimensat, AT_FDCWD, "f", wild(), 0));
  EXPECT_ERRNO(EBADF, futimens(-1, times));
}

TEST_F(Attributes, WritingChangesMtime) {
  write_file("f", "text");
  Descriptor file = open_file("f", O_RDWR);
  const auto changes = [&](const std::function<void()>& action) {
    age("f");
    action();
    return status_of("f").st_mtime != 1000;
  };
  EXPECT_TRUE(changes([&] { write(file, "x", 1); }));
  EXPECT_TRUE(changes([&] { ftruncate(file, 2); }));
  EXPECT_TRUE(changes([&] { open_file("f", O_WRONLY | O_TRUNC); }));
  EXPECT_FALSE(changes([&] { open_file("f", O_WRONLY); }));
  EXPECT_FALSE(changes([&] { chmod("f", 0600); }));
  EXPECT_FALSE(changes([&] {
    char b;
    read(file, &b, 1);
  }));
  EXPECT_FALSE(changes([&] { link("f", "g"); }));
}

TEST_F(Attributes, EntriesChangeMtimeOfTheirDirectory) {
  ASSERT_OK(mkdir("d", 0755));
  const auto changes = [&](const std::function<void()>& action) {
    age("d");
    action();
    return status_of("d").st_mtime != 1000;
  };
  EXPECT_TRUE(changes([] { write_file("d/f", ""); }));
  EXPECT_FALSE(changes([] { write_file("d/f", "more"); }));
  EXPECT_TRUE(changes([] { link("d/f", "d/g"); }));
  EXPECT_TRUE(changes([] { rename("d/g", "d/h"); }));
  EXPECT_TRUE(changes([] { unlink("d/h"); }));
  EXPECT_TRUE(changes([] { symlink("x", "d/s"); }));
  EXPECT_TRUE(changes([] { mkdir("d/e", 0755); }));
  EXPECT_TRUE(changes([] { rmdir("d/e"); }));
}

TEST_F(Attributes, LinkCountChangesCtime) {
  write_file("f", "");
  EXPECT_TRUE(ctime_changes("f", [] { link("f", "g"); }));
  EXPECT_TRUE(ctime_changes("f", [] { unlink("g"); }));
  EXPECT_TRUE(ctime_changes("f", [] { rename("f", "h"), rename("h", "f"); }));
}

TEST_F(Attributes, ReadingAnOldFileChangesAtime) {
  write_file("f", "text");
  age("f");
  Descriptor file = open_file("f", O_RDONLY);
  char byte;
  read(file, &byte, 1);
  EXPECT_NE(status_of("f").st_atime, 1000);  // relatime: the last access was long ago
  age("f");
  Descriptor quiet = open_file("f", O_RDONLY | O_NOATIME);
  read(quiet, &byte, 1);
  EXPECT_EQ(status_of("f").st_atime, 1000);
}

TEST_F(Attributes, Statfs) {
  struct statfs status{};
  ASSERT_OK(statfs(".", &status));
  EXPECT_GT(status.f_bsize, 0);
  EXPECT_GE(status.f_blocks, status.f_bfree);
  EXPECT_GE(status.f_bfree, status.f_bavail);
  EXPECT_EQ(status.f_namelen, 255);
  Descriptor directory = open_file(".", O_RDONLY);
  struct statfs same{};
  ASSERT_OK(fstatfs(directory, &same));
  EXPECT_EQ(same.f_type, status.f_type);
  ASSERT_OK(statfs("/proc", &status));
  EXPECT_EQ(status.f_type, 0x9fa0);
  struct statvfs standard{};
  EXPECT_OK(statvfs(".", &standard));
  EXPECT_ERRNO(ENOENT, statfs("missing", &status));
  EXPECT_ERRNO(EBADF, fstatfs(-1, &status));
  EXPECT_ERRNO(EFAULT, syscall(SYS_statfs, ".", wild()));
}

TEST_F(Attributes, AccessAsRoot) {
  write_file("f", "", 0);
  EXPECT_OK(access("f", F_OK));
  EXPECT_OK(access("f", R_OK | W_OK));
  EXPECT_ERRNO(EACCES, access("f", X_OK));  // root needs at least one execute bit
  ASSERT_OK(chmod("f", 0001));
  EXPECT_OK(access("f", X_OK));
  ASSERT_OK(mkdir("d", 0));
  EXPECT_OK(access("d", X_OK));
  EXPECT_ERRNO(EINVAL, access("f", 8));
  EXPECT_ERRNO(ENOENT, access("missing", F_OK));
  EXPECT_ERRNO(ENOTDIR, access("f/x", F_OK));
  EXPECT_ERRNO(EFAULT, syscall(SYS_access, wild(), F_OK));
}

TEST_F(Attributes, Faccessat) {
  write_file("f", "");
  ASSERT_OK(symlink("missing", "s"));
  Descriptor directory = open_file(".", O_PATH);
  EXPECT_OK(faccessat(directory, "f", R_OK, 0));
  EXPECT_ERRNO(ENOENT, faccessat(directory, "s", F_OK, 0));
  EXPECT_OK(syscall(SYS_faccessat2, directory.get(), "s", F_OK, AT_SYMLINK_NOFOLLOW));
  EXPECT_OK(syscall(SYS_faccessat2, directory.get(), "", F_OK, AT_EMPTY_PATH));
  EXPECT_ERRNO(EINVAL, syscall(SYS_faccessat2, directory.get(), "f", F_OK, 0x8000));
  EXPECT_ERRNO(EINVAL, syscall(SYS_faccessat2, directory.get(), "f", 16, 0));
  EXPECT_ERRNO(EBADF, faccessat(-1, "f", F_OK, 0));
}

}  // namespace
}  // namespace cv6::guest
