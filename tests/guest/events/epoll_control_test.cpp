// epoll_create and epoll_ctl: what they accept and what they refuse.

#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <climits>
#include <fstream>
#include <sstream>

#include "support/child.hpp"
#include "support/epoll.hpp"
#include "support/memory.hpp"
#include "support/temp_dir.hpp"

namespace cv6::guest {
namespace {

std::string link_of(int fd) {
  char text[128] = {};
  EXPECT_OK(readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), text, sizeof text - 1));
  return text;
}

TEST(EpollControl, Create) {
  EXPECT_ERRNO(EINVAL, epoll_create(0));
  EXPECT_ERRNO(EINVAL, epoll_create(-1));
  EXPECT_ERRNO(EINVAL, epoll_create1(EPOLL_CLOEXEC | 1));
  EXPECT_ERRNO(EINVAL, epoll_create1(O_NONBLOCK));
  const Descriptor plain(epoll_create(1));
  EXPECT_EQ(fcntl(plain, F_GETFD), 0);
  EXPECT_EQ(fcntl(plain, F_GETFL) & O_ACCMODE, O_RDWR);
  const EpollSet closing;
  EXPECT_EQ(fcntl(closing, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(link_of(closing), "anon_inode:[eventpoll]");
}

TEST(EpollControl, IsNoFileToReadOrWrite) {
  const EpollSet epoll;
  char byte = 0;
  EXPECT_ERRNO(EINVAL, read(epoll, &byte, 1));
  EXPECT_ERRNO(EINVAL, write(epoll, &byte, 1));
  EXPECT_ERRNO(ESPIPE, pread(epoll, &byte, 1, 0));
}

TEST(EpollControl, Descriptors) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_ERRNO(EBADF, epoll.add(-1, EPOLLIN));
  EXPECT_ERRNO(EBADF, epoll.add(4000, EPOLLIN));
  epoll_event event{};
  EXPECT_ERRNO(EBADF, epoll_ctl(-1, EPOLL_CTL_ADD, pipe.read, &event));
  EXPECT_ERRNO(EBADF, epoll_ctl(4000, EPOLL_CTL_ADD, pipe.read, &event));
  EXPECT_ERRNO(EINVAL, epoll_ctl(pipe.read, EPOLL_CTL_ADD, pipe.write, &event));
  EXPECT_ERRNO(EINVAL, epoll.add(epoll, EPOLLIN));
  const Descriptor place = open_file("/", O_PATH);
  EXPECT_ERRNO(EBADF, epoll.add(place, EPOLLIN));
  EXPECT_ERRNO(EBADF, epoll_ctl(place, EPOLL_CTL_ADD, pipe.read, &event));
}

TEST(EpollControl, Operations) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_ERRNO(ENOENT, epoll.modify(pipe.read, EPOLLIN));
  EXPECT_ERRNO(ENOENT, epoll.remove(pipe.read));
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_ERRNO(EEXIST, epoll.add(pipe.read, EPOLLOUT));
  EXPECT_OK(epoll.modify(pipe.read, EPOLLIN | EPOLLET));
  EXPECT_OK(epoll.remove(pipe.read));
  EXPECT_ERRNO(ENOENT, epoll.remove(pipe.read));
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_ERRNO(EINVAL, epoll.control(0, pipe.read, EPOLLIN, 0));
  EXPECT_ERRNO(EINVAL, epoll.control(4, pipe.read, EPOLLIN, 0));
}

TEST(EpollControl, BadPointers) {
  const EpollSet epoll;
  const Pipe pipe;
  auto* const nowhere = reinterpret_cast<epoll_event*>(8);
  EXPECT_ERRNO(EFAULT, epoll_ctl(epoll, EPOLL_CTL_ADD, pipe.read, nullptr));
  EXPECT_ERRNO(EFAULT, epoll_ctl(epoll, EPOLL_CTL_MOD, pipe.read, nowhere));
  EXPECT_ERRNO(EFAULT, epoll_ctl(-1, 77, -1, nullptr));  // the event is read first
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN));
  EXPECT_OK(epoll_ctl(epoll, EPOLL_CTL_DEL, pipe.read, nowhere));  // which nobody looks at
}

class EpollFiles : public TempDir {};

TEST_F(EpollFiles, ThatNeverBlockAreRefused) {
  const EpollSet epoll;
  const Descriptor file = open_file("file", O_CREAT | O_RDWR);
  const Descriptor directory = open_file(".", O_RDONLY);
  const Descriptor null = open_file("/dev/null", O_RDWR);
  for (const int fd : {file.get(), directory.get(), null.get()}) {
    EXPECT_ERRNO(EPERM, epoll.add(fd, EPOLLIN));
    EXPECT_ERRNO(EPERM, epoll.modify(fd, EPOLLIN));
    EXPECT_ERRNO(EPERM, epoll.remove(fd));
  }
  epoll_event event{};
  const Pipe pipe;
  EXPECT_ERRNO(EPERM, epoll_ctl(pipe.read, EPOLL_CTL_ADD, file, &event));
  EXPECT_ERRNO(EPERM, epoll_ctl(file, EPOLL_CTL_ADD, file, &event));
}

TEST(EpollControl, Exclusive) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_ERRNO(EINVAL, epoll.add(pipe.read, EPOLLEXCLUSIVE | EPOLLIN | EPOLLONESHOT));
  EXPECT_ERRNO(EINVAL, epoll.add(pipe.read, EPOLLEXCLUSIVE | EPOLLIN | EPOLLRDHUP));
  EXPECT_ERRNO(EINVAL, epoll.add(pipe.read, EPOLLEXCLUSIVE | EPOLLPRI));
  EXPECT_ERRNO(EINVAL, epoll.modify(pipe.read, EPOLLEXCLUSIVE | EPOLLIN));
  const EpollSet other;
  EXPECT_ERRNO(EINVAL, epoll.add(other, EPOLLEXCLUSIVE | EPOLLIN));
  EXPECT_OK(epoll.add(pipe.read, EPOLLEXCLUSIVE | EPOLLIN | EPOLLET | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP));
  EXPECT_ERRNO(EINVAL, epoll.modify(pipe.read, EPOLLIN));
  pipe.notify();
  EXPECT_EQ(epoll.ready(), (std::uint32_t)EPOLLIN);
  EXPECT_OK(epoll.remove(pipe.read));
}

TEST(EpollControl, WaitArguments) {
  const EpollSet epoll;
  const Pipe pipe;
  epoll_event event{};
  EXPECT_ERRNO(EINVAL, epoll_wait(epoll, &event, 0, 0));
  EXPECT_ERRNO(EINVAL, epoll_wait(epoll, &event, -1, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_wait, epoll.get(), &event, INT_MAX / 12 + 1, 0));
  EXPECT_ERRNO(EBADF, epoll_wait(-1, &event, 1, 0));
  EXPECT_ERRNO(EINVAL, epoll_wait(pipe.read, &event, 1, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_wait, epoll.get(), ~0ul - 4096, 1, 0));
  EXPECT_EQ(epoll_wait(epoll, nullptr, 1, 0), 0);  // nothing has to be written
  sigset_t mask = {};
  EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_pwait, epoll.get(), &event, 1, 0, &mask, 4));
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_pwait, epoll.get(), &event, 1, 0, 8, 8));
  EXPECT_EQ(syscall(SYS_epoll_pwait, epoll.get(), &event, 1, 0, nullptr, 99), 0);
  timespec wrong{.tv_sec = 0, .tv_nsec = 1'000'000'000}, negative{.tv_sec = -1, .tv_nsec = 0}, none{};
  EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_pwait2, epoll.get(), &event, 1, &wrong, nullptr, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_epoll_pwait2, epoll.get(), &event, 1, &negative, nullptr, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_epoll_pwait2, epoll.get(), &event, 1, 8, nullptr, 0));
  EXPECT_EQ(syscall(SYS_epoll_pwait2, epoll.get(), &event, 1, &none, nullptr, 0), 0);
}

// What cannot be told is not lost.
TEST(EpollControl, EventsThatCannotBeWrittenStay) {
  const EpollSet epoll;
  const Pipe first, second;
  EXPECT_OK(epoll.add(first.read, EPOLLIN | EPOLLET));
  EXPECT_OK(epoll.add(second.read, EPOLLIN | EPOLLONESHOT));
  first.notify();
  second.notify();
  EXPECT_ERRNO(EFAULT, epoll_wait(epoll, reinterpret_cast<epoll_event*>(64), 8, 0));
  const EdgeBuffer room(sizeof(epoll_event));
  EXPECT_EQ(epoll_wait(epoll, room.as<epoll_event>(), 8, 0), 1);
  EXPECT_EQ(epoll.wait().size(), 1u);
  EXPECT_EQ(epoll.wait().size(), 0u);
}

TEST(EpollControl, ProcShowsWhatIsWatched) {
  const EpollSet epoll;
  const Pipe pipe;
  EXPECT_OK(epoll.add(pipe.read, EPOLLIN | EPOLLET, 0x123456789abcdef));
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(epoll.get()));
  std::stringstream text;
  text << info.rdbuf();
  char expected[128];
  snprintf(expected, sizeof expected, "tfd: %8d events: %8x data: %16llx  pos:0 ino:", pipe.read.get(), 0x80000019u,
           0x123456789abcdefull);
  EXPECT_NE(text.str().find(expected), std::string::npos) << text.str();
}

// More than are printed without giving way.
TEST(EpollControl, ProcShowsAllOfMany) {
  EXPECT_CHILD({
    constexpr int many = 2'500;
    rlimit limit;
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = many + 100;
    limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return;  // not for everybody
    const EpollSet epoll;
    const Pipe pipe;
    for (int i = 0; i < many; ++i) {
      const int copy = dup(pipe.read);
      ASSERT_OK(copy);
      ASSERT_OK(epoll.add(copy, EPOLLIN));
    }
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(epoll.get()));
    int shown = 0;
    for (std::string line; std::getline(info, line);) shown += line.starts_with("tfd:");
    EXPECT_EQ(shown, many);
  });
}

}  // namespace
}  // namespace cv6::guest
