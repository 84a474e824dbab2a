// Descriptors: dup, dup2, dup3, fcntl, close_range.

#include "support/descriptor.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "support/child.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

class Descriptors : public TempDir {};

TEST_F(Descriptors, DupSharesOffsetAndFlags) {
  write_file("f", "0123456789");
  Descriptor file = open_file("f", O_RDWR);
  Descriptor copy(dup(file));
  ASSERT_OK(copy);
  lseek(file, 4, SEEK_SET);
  EXPECT_EQ(lseek(copy, 0, SEEK_CUR), 4);
  ASSERT_OK(fcntl(copy, F_SETFL, O_APPEND));
  EXPECT_TRUE(fcntl(file, F_GETFL) & O_APPEND);
  EXPECT_EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(copy, F_GETFD), 0);  // that flag belongs to the descriptor
}

TEST_F(Descriptors, Dup2) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  Pipe pipe;
  const int target = pipe.read;
  EXPECT_EQ(dup2(null, target), target);  // closes what was there
  char byte;
  EXPECT_EQ(read(target, &byte, 1), 0);
  EXPECT_EQ(dup2(null, null), null.get());
  EXPECT_EQ(fcntl(null, F_GETFD), FD_CLOEXEC);  // nothing happened to it
  EXPECT_ERRNO(EBADF, dup2(-1, 50));
  EXPECT_ERRNO(EBADF, dup2(999, 999));
  EXPECT_ERRNO(EBADF, dup2(null, -1));
  EXPECT_ERRNO(EBADF, dup(-1));
}

TEST_F(Descriptors, Dup3) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  EXPECT_EQ(dup3(null, 60, O_CLOEXEC), 60);
  EXPECT_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(dup3(null, 60, 0), 60);
  EXPECT_EQ(fcntl(60, F_GETFD), 0);
  close(60);
  EXPECT_ERRNO(EINVAL, dup3(null, null, 0));
  EXPECT_ERRNO(EINVAL, dup3(null, 60, O_APPEND));
  EXPECT_ERRNO(EBADF, dup3(-1, 60, 0));
}

TEST_F(Descriptors, DupfdFindsTheLowestFrom) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  Descriptor first(fcntl(null, F_DUPFD, 40));
  Descriptor second(fcntl(null, F_DUPFD_CLOEXEC, 40));
  EXPECT_EQ(first.get(), 40);
  EXPECT_EQ(second.get(), 41);
  EXPECT_EQ(fcntl(first, F_GETFD), 0);
  EXPECT_EQ(fcntl(second, F_GETFD), FD_CLOEXEC);
  EXPECT_ERRNO(EINVAL, fcntl(null, F_DUPFD, -1));
}

TEST_F(Descriptors, StatusFlags) {
  write_file("f", "");
  Descriptor file = open_file("f", O_RDWR | O_APPEND | O_CREAT | O_TRUNC);
  const int flags = fcntl(file, F_GETFL);
  EXPECT_EQ(flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CREAT | O_TRUNC), O_RDWR | O_APPEND);
  ASSERT_OK(fcntl(file, F_SETFL, O_NONBLOCK | O_WRONLY));  // the access mode is not changed
  EXPECT_EQ(fcntl(file, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR | O_NONBLOCK);
  ASSERT_OK(fcntl(file, F_SETFD, FD_CLOEXEC));
  EXPECT_EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
  ASSERT_OK(fcntl(file, F_SETFD, 0));
  EXPECT_EQ(fcntl(file, F_GETFD), 0);
  EXPECT_ERRNO(EBADF, fcntl(-1, F_GETFL));
  EXPECT_ERRNO(EINVAL, fcntl(file, 9999));
}

TEST_F(Descriptors, HighNumbers) {
  Descriptor null = open_file("/dev/null", O_RDWR);
  rlimit limit{};
  ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
  const int high = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1000)) - 1;
  EXPECT_EQ(dup2(null, high), high);
  EXPECT_OK(close(high));
  EXPECT_ERRNO(EBADF, dup2(null, static_cast<int>(limit.rlim_cur)));
}

TEST_F(Descriptors, CloseTwice) {
  const int fd = open("/dev/null", O_RDONLY);
  EXPECT_OK(close(fd));
  EXPECT_ERRNO(EBADF, close(fd));
}

TEST_F(Descriptors, CloseRange) {
  EXPECT_CHILD({
    for (const int fd : {50, 51, 52, 60}) ASSERT_EQ(dup2(0, fd), fd);
    ASSERT_OK(syscall(SYS_close_range, 50, 52, 0));
    EXPECT_ERRNO(EBADF, fcntl(51, F_GETFD));
    EXPECT_OK(fcntl(60, F_GETFD));
    ASSERT_OK(syscall(SYS_close_range, 55, 70, CLOSE_RANGE_CLOEXEC));
    EXPECT_EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
    ASSERT_OK(syscall(SYS_close_range, 40, ~0U, 0));
    EXPECT_ERRNO(EBADF, fcntl(60, F_GETFD));
    EXPECT_ERRNO(EINVAL, syscall(SYS_close_range, 5, 4, 0));
    EXPECT_ERRNO(EINVAL, syscall(SYS_close_range, 50, 52, 0x100));
  });
}

TEST_F(Descriptors, ThroughDevFdAndProc) {
  write_file("f", "content");
  Descriptor file = open_file("f", O_RDONLY);
  const std::string number = std::to_string(file);
  EXPECT_EQ(read_file("/proc/self/fd/" + number), "content");
  EXPECT_EQ(read_file("/dev/fd/" + number), "content");
  char target[4096] = {};
  ASSERT_OK(readlink(("/proc/self/fd/" + number).c_str(), target, sizeof target - 1));
  EXPECT_EQ(target, path("f"));
  ASSERT_OK(unlink("f"));
  memset(target, 0, sizeof target);
  ASSERT_OK(readlink(("/proc/self/fd/" + number).c_str(), target, sizeof target - 1));
  EXPECT_EQ(target, path("f") + " (deleted)");
  EXPECT_EQ(read_file("/proc/self/fd/" + number), "content");  // opened anew although it has no name
}

// What stays open in the parent is open in each child, whatever another thread opens and closes meanwhile.
TEST_F(Descriptors, ManyAreCopiedWhileAThreadOpensAndCloses) {
  constexpr int most = 3000, stays = 2500;
  rlimit limit{};
  ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
  if (limit.rlim_max < most) GTEST_SKIP() << "fewer descriptors are allowed";
  EXPECT_CHILD({
    limit.rlim_cur = most;
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &limit));
    for (int fd = 0; fd < stays; fd = dup(0)) ASSERT_OK(fd);
    std::atomic<bool> stop{false};
    std::thread other([&] {
      for (int at = 0; !stop; at = (at + 97) % (most - stays - 1)) {
        dup2(0, stays + 1 + at);
        syscall(SYS_close_range, stays + 1, ~0U, at % 2 ? CLOSE_RANGE_CLOEXEC : 0);
      }
    });
    for (int round = 0; round < 20; ++round) {
      const Ending ending = run([] {
        for (int fd = 0; fd <= stays; ++fd)
          if (fcntl(fd, F_GETFD) < 0) return 1;
        if (dup(0) <= stays) return 2;
        return syscall(SYS_close_range, 3, ~0U, 0) == 0 && dup(0) == 3 ? 0 : 3;
      });
      EXPECT_TRUE(ending.exited(0)) << ending;
    }
    stop = true;
    other.join();
  });
}

TEST_F(Descriptors, SharedOffsetOfParentAndChildren) {
  Descriptor file = open_file("f", O_RDWR | O_CREAT);
  std::vector<pid_t> pids;
  for (int i = 0; i < 4; ++i) {
    pids.push_back(spawn([&] {
      for (int n = 0; n < 200; ++n) {
        if (write(file, "0123456789abcdef", 16) != 16) return 1;
      }
      return 0;
    }));
  }
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(read_file("f").size(), 4u * 200 * 16);  // one offset: nobody overwrites another's bytes
}

}  // namespace
}  // namespace cv6::guest
