// Pipes: order, blocking, capacity, atomic writes, ends that close.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <numeric>
#include <span>
#include <vector>

#include "support/child.hpp"
#include "support/descriptor.hpp"
#include "support/memory.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::size_t atomic_size = 4096;  // PIPE_BUF

// Writes until the pipe takes no more; the number of bytes.
std::size_t fill(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  std::size_t total = 0;
  std::string block(4096, 'f');
  for (std::size_t size = block.size(); size > 0;) {
    const ssize_t written = write(fd, block.data(), size);
    if (written > 0) {
      total += written;
    } else {
      EXPECT_EQ(errno, EAGAIN);
      size /= 2;
    }
  }
  fcntl(fd, F_SETFL, flags);
  return total;
}

TEST(PipeTest, BytesInOrder) {
  Pipe pipe;
  EXPECT_EQ(write(pipe.write, "hello", 5), 5);
  EXPECT_EQ(write(pipe.write, " world", 6), 6);
  char text[32] = {};
  EXPECT_EQ(read(pipe.read, text, 3), 3);
  EXPECT_EQ(read(pipe.read, text + 3, 20), 8);
  EXPECT_STREQ(text, "hello world");
}

TEST(PipeTest, LargeStreamBetweenProcesses) {
  Pipe pipe;
  constexpr unsigned words = 1'000'000;
  const pid_t pid = spawn([&] {
    pipe.read.close();
    std::vector<unsigned> block(1777);
    for (unsigned next = 0; next < words;) {
      std::size_t count = 0;
      while (count < block.size() && next < words) block[count++] = next++;
      const char* at = reinterpret_cast<char*>(block.data());
      for (std::size_t left = count * sizeof(unsigned); left > 0;) {
        const ssize_t written = write(pipe.write, at, left);
        if (written <= 0) return 1;
        at += written;
        left -= written;
      }
    }
    return 0;
  });
  pipe.write.close();
  std::string bytes;
  char buffer[10'007];
  unsigned expected = 0;
  bool right = true;
  for (ssize_t length; (length = read(pipe.read, buffer, sizeof buffer)) > 0;) {
    bytes.append(buffer, length);
    const std::size_t whole = bytes.size() / sizeof(unsigned);
    for (std::size_t i = 0; i < whole; ++i) {
      unsigned word;
      memcpy(&word, bytes.data() + i * sizeof word, sizeof word);
      right = right && word == expected++;
    }
    bytes.erase(0, whole * sizeof(unsigned));
  }
  EXPECT_TRUE(right);
  EXPECT_EQ(expected, words);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(PipeTest, EndOfFileWhenTheLastWriterCloses) {
  Pipe pipe;
  Descriptor second(dup(pipe.write));
  pipe.write.close();
  fcntl(pipe.read, F_SETFL, O_NONBLOCK);
  char byte;
  EXPECT_ERRNO(EAGAIN, read(pipe.read, &byte, 1));
  write(second, "x", 1);
  second.close();
  EXPECT_EQ(read(pipe.read, &byte, 1), 1);  // what was written is still there
  EXPECT_EQ(read(pipe.read, &byte, 1), 0);
  EXPECT_EQ(read(pipe.read, &byte, 1), 0);
}

TEST(PipeTest, ReaderSleepsUntilBytesOrEnd) {
  Pipe pipe;
  const pid_t pid = spawn_checked([&] {
    pipe.write.close();
    char text[8] = {};
    EXPECT_EQ(read(pipe.read, text, sizeof text), 3);
    EXPECT_STREQ(text, "abc");
    EXPECT_EQ(read(pipe.read, text, sizeof text), 0);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  EXPECT_EQ(write(pipe.write, "abc", 3), 3);
  ASSERT_TRUE(wait_until_blocked(pid));
  pipe.write.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(PipeTest, WriterSleepsUntilRoomOrBroken) {
  Pipe pipe;
  fill(pipe.write);
  const pid_t pid = spawn_checked([&] {
    pipe.read.close();
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(write(pipe.write, "x", 1), 1);
    fill(pipe.write);
    EXPECT_ERRNO(EPIPE, write(pipe.write, "x", 1));
  });
  pipe.write.close();
  ASSERT_TRUE(wait_until_blocked(pid));
  char buffer[2 * atomic_size];
  EXPECT_GT(read(pipe.read, buffer, sizeof buffer), 0);
  ASSERT_TRUE(wait_until_blocked(pid));
  pipe.read.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(PipeTest, CapacityIs64Kilobytes) {
  Pipe pipe;
  EXPECT_EQ(fill(pipe.write), 65'536u);
  EXPECT_EQ(fcntl(pipe.read, F_GETPIPE_SZ), 65'536);
}

TEST(PipeTest, CapacityCanBeChanged) {
  Pipe pipe;
  EXPECT_EQ(fcntl(pipe.write, F_SETPIPE_SZ, 5000), 8192);  // rounded up to a power of two of pages
  EXPECT_EQ(fcntl(pipe.read, F_GETPIPE_SZ), 8192);
  EXPECT_EQ(fill(pipe.write), 8192u);
  EXPECT_ERRNO(EBUSY, fcntl(pipe.write, F_SETPIPE_SZ, 4096));
  EXPECT_EQ(fcntl(pipe.write, F_SETPIPE_SZ, 1 << 20), 1 << 20);
  EXPECT_EQ(fill(pipe.write), (1u << 20) - 8192u);
  Descriptor null = open_file("/dev/null", O_RDWR);
  EXPECT_ERRNO(EBADF, fcntl(null, F_GETPIPE_SZ));
}

// One write, one move to a larger ring, and one read of more bytes than are copied in one go.
TEST(PipeTest, LargeOnesAreFilledAndEmptiedAtOnce) {
  constexpr std::size_t size = 32 << 20, count = size / sizeof(std::uint32_t);
  const Pipe pipe;
  if (fcntl(pipe.write, F_SETPIPE_SZ, size) == -1) GTEST_SKIP() << "pipes of this size are not for everybody";
  const Mapping block(size);
  ASSERT_TRUE(block.ok());
  const std::span numbers(block.as<std::uint32_t>(), count);
  std::iota(numbers.begin(), numbers.end(), 1);
  ASSERT_EQ(write(pipe.write, numbers.data(), size), ssize_t{size});
  ASSERT_OK(madvise(numbers.data(), size, MADV_DONTNEED));
  ASSERT_OK(fcntl(pipe.write, F_SETPIPE_SZ, 2 * size));
  ASSERT_EQ(read(pipe.read, numbers.data(), size), ssize_t{size});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) wrong += numbers[i] != i + 1;
  EXPECT_EQ(wrong, 0u);
}

TEST(PipeTest, NonblockingWritesAreAllOrNothingWhenSmall) {
  Pipe pipe(O_NONBLOCK);
  std::size_t total = fill(pipe.write);
  char buffer[atomic_size];
  EXPECT_EQ(read(pipe.read, buffer, 100), 100);
  total -= 100;
  EXPECT_ERRNO(EAGAIN, write(pipe.write, buffer, sizeof buffer));  // PIPE_BUF bytes do not fit: none is written
  int available = 0;
  ASSERT_OK(ioctl(pipe.read, FIONREAD, &available));
  EXPECT_EQ(available, (int)total);
}

TEST(PipeTest, NonblockingLargeWritesArePartial) {
  Pipe pipe(O_NONBLOCK);
  std::string much(100'000, 'x');
  EXPECT_EQ(write(pipe.write, much.data(), much.size()), 65'536);
  EXPECT_ERRNO(EAGAIN, write(pipe.write, much.data(), much.size()));
}

TEST(PipeTest, SmallWritesAreAtomic) {
  Pipe pipe;
  constexpr int writers = 4;
  constexpr int records = 200;
  std::vector<pid_t> pids;
  for (int w = 0; w < writers; ++w) {
    pids.push_back(spawn([&, w] {
      std::string record(1000, static_cast<char>('A' + w));
      for (int i = 0; i < records; ++i) {
        if (write(pipe.write, record.data(), record.size()) != (ssize_t)record.size()) return 1;
      }
      return 0;
    }));
  }
  pipe.write.close();
  std::string all;
  char buffer[5000];
  for (ssize_t length; (length = read(pipe.read, buffer, sizeof buffer)) > 0;) all.append(buffer, length);
  ASSERT_EQ(all.size(), 1000u * writers * records);
  for (std::size_t at = 0; at < all.size(); at += 1000) {
    EXPECT_EQ(all.find_first_not_of(all[at], at) >= at + 1000, true) << at;
  }
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
}

TEST(PipeTest, BytesAvailable) {
  Pipe pipe;
  int available = -1;
  ASSERT_OK(ioctl(pipe.read, FIONREAD, &available));
  EXPECT_EQ(available, 0);
  write(pipe.write, "12345", 5);
  ASSERT_OK(ioctl(pipe.read, FIONREAD, &available));
  EXPECT_EQ(available, 5);
  EXPECT_ERRNO(EFAULT, syscall(SYS_ioctl, pipe.read.get(), FIONREAD, wild()));
}

TEST(PipeTest, FlagsAndErrors) {
  int ends[2];
  ASSERT_OK(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
  Descriptor reader(ends[0]), writer(ends[1]);
  EXPECT_EQ(fcntl(reader, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(reader, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
  EXPECT_EQ(fcntl(writer, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_WRONLY | O_NONBLOCK);
  EXPECT_ERRNO(EINVAL, pipe2(ends, O_CREAT));
  EXPECT_ERRNO(EFAULT, syscall(SYS_pipe, wild()));
  EXPECT_ERRNO(EFAULT, syscall(SYS_pipe2, wild(), 0));
  EXPECT_ERRNO(EBADF, write(reader, "x", 1));
  char byte;
  EXPECT_ERRNO(EBADF, read(writer, &byte, 1));
  EXPECT_EQ(write(writer, "", 0), 0);
}

TEST(PipeTest, FailedPipeLeavesNoDescriptors) {
  Descriptor probe(dup(0));
  const int lowest = probe.get();
  probe.close();
  EXPECT_ERRNO(EFAULT, syscall(SYS_pipe, wild()));
  Descriptor again(dup(0));
  EXPECT_EQ(again.get(), lowest);
}

TEST(PipeTest, Status) {
  Pipe pipe;
  struct stat status;
  ASSERT_OK(fstat(pipe.read, &status));
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
  EXPECT_EQ(status.st_uid, geteuid());
  struct stat other;
  ASSERT_OK(fstat(pipe.write, &other));
  EXPECT_EQ(status.st_ino, other.st_ino);
}

TEST(PipeTest, WildBuffers) {
  Pipe pipe(O_NONBLOCK);
  EXPECT_ERRNO(EFAULT, syscall(SYS_write, pipe.write.get(), wild(), 10));
  char byte;
  EXPECT_ERRNO(EAGAIN, read(pipe.read, &byte, 1));  // nothing got in
  write(pipe.write, "x", 1);
  EXPECT_ERRNO(EFAULT, syscall(SYS_read, pipe.read.get(), wild(), 10));
}

TEST(PipeTest, ReopenedThroughProc) {
  Pipe pipe;
  write(pipe.write, "again", 5);
  Descriptor reader = open_file(("/proc/self/fd/" + std::to_string(pipe.read)).c_str(), O_RDONLY);
  ASSERT_OK(reader);
  char text[8] = {};
  EXPECT_EQ(read(reader, text, 5), 5);
  EXPECT_STREQ(text, "again");
}

TEST(PipeTest, RingOfProcesses) {
  constexpr int count = 10;
  std::vector<Pipe> pipes;
  for (int i = 0; i <= count; ++i) pipes.emplace_back();
  std::vector<pid_t> pids;
  for (int i = 0; i < count; ++i) {
    pids.push_back(spawn([&, i] {
      int token;
      for (int round = 0; round < 50; ++round) {
        if (read(pipes[i].read, &token, sizeof token) != sizeof token) return 1;
        ++token;
        if (write(pipes[i + 1].write, &token, sizeof token) != sizeof token) return 2;
      }
      return 0;
    }));
  }
  int token = 0;
  for (int round = 0; round < 50; ++round) {
    ASSERT_EQ(write(pipes[0].write, &token, sizeof token), (ssize_t)sizeof token);
    ASSERT_EQ(read(pipes[count].read, &token, sizeof token), (ssize_t)sizeof token);
  }
  EXPECT_EQ(token, 50 * count);
  for (const pid_t pid : pids) EXPECT_TRUE(reap(pid).exited(0));
}

}  // namespace
}  // namespace cv6::guest
