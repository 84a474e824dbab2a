// signalfd.

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "support/child.hpp"
#include "support/epoll.hpp"
#include "support/memory.hpp"
#include "support/signals.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

Descriptor signals(const sigset_t& set, int flags = SFD_NONBLOCK) {
  Descriptor made(signalfd(-1, &set, flags));
  EXPECT_OK(made.get());
  return made;
}
signalfd_siginfo take(int fd) {
  signalfd_siginfo info{};
  EXPECT_EQ(read(fd, &info, sizeof info), (ssize_t)sizeof info);
  return info;
}
bool readable(int fd, int milliseconds = 0) {
  pollfd one{fd, POLLIN | POLLOUT, 0};
  EXPECT_OK(poll(&one, 1, milliseconds));
  return one.revents == POLLIN;
}

TEST(SignalFd, Reads) {
  const Blocked blocked({SIGUSR1, SIGUSR2});
  const Descriptor fd = signals(blocked.set());
  EXPECT_FALSE(readable(fd));
  signalfd_siginfo info;
  EXPECT_ERRNO(EAGAIN, read(fd, &info, sizeof info));
  kill(getpid(), SIGUSR1);
  EXPECT_TRUE(readable(fd));
  info = take(fd);
  EXPECT_EQ(info.ssi_signo, (unsigned)SIGUSR1);
  EXPECT_EQ(info.ssi_code, SI_USER);
  EXPECT_EQ(info.ssi_pid, (unsigned)getpid());
  EXPECT_EQ(info.ssi_uid, getuid());
  EXPECT_FALSE(readable(fd));
  sigset_t pending;
  sigpending(&pending);
  EXPECT_FALSE(sigismember(&pending, SIGUSR1));
}

TEST(SignalFd, SeveralAtOnce) {
  const Blocked blocked({SIGUSR1, SIGUSR2, SIGRTMIN});
  const Descriptor fd = signals(blocked.set());
  sigqueue(getpid(), SIGRTMIN, {.sival_int = 11});
  sigqueue(getpid(), SIGRTMIN, {.sival_int = -12});
  raise(SIGUSR2);  // of the thread: it comes first
  signalfd_siginfo infos[4];
  EXPECT_EQ(read(fd, infos, sizeof infos - 1), 3 * (ssize_t)sizeof infos[0]);
  EXPECT_EQ(infos[0].ssi_signo, (unsigned)SIGUSR2);
  EXPECT_EQ(infos[0].ssi_code, SI_TKILL);
  EXPECT_EQ(infos[1].ssi_signo, (unsigned)SIGRTMIN);
  EXPECT_EQ(infos[1].ssi_code, SI_QUEUE);
  EXPECT_EQ(infos[1].ssi_int, 11);
  EXPECT_EQ(infos[2].ssi_int, -12);
}

TEST(SignalFd, OnlyWhatIsWanted) {
  const Blocked blocked({SIGUSR1, SIGUSR2});
  const Descriptor fd = signals(signal_set({SIGUSR2, SIGKILL, SIGSTOP}));
  raise(SIGUSR1);
  EXPECT_FALSE(readable(fd));
  const sigset_t other = signal_set({SIGUSR1});
  EXPECT_EQ(signalfd(fd, &other, 0), fd);
  EXPECT_TRUE(readable(fd));
  EXPECT_EQ(take(fd).ssi_signo, (unsigned)SIGUSR1);
}

TEST(SignalFd, Errors) {
  const sigset_t set = signal_set({SIGUSR1});
  const Pipe pipe;
  EXPECT_ERRNO(EINVAL, signalfd(-1, &set, 1));
  EXPECT_ERRNO(EBADF, signalfd(4000, &set, 0));
  EXPECT_ERRNO(EINVAL, signalfd(pipe.read, &set, 0));
  EXPECT_ERRNO(EINVAL, syscall(SYS_signalfd4, -1, &set, 4, 0));
  EXPECT_ERRNO(EFAULT, syscall(SYS_signalfd4, -1, wild(), 8, 0));
  const Descriptor fd = signals(set), old(static_cast<int>(syscall(SYS_signalfd, -1, &set, 8)));
  EXPECT_OK(old.get());
  char bytes[128];
  EXPECT_ERRNO(EINVAL, read(fd, bytes, 127));
  EXPECT_ERRNO(EINVAL, write(fd, bytes, 128));
  EXPECT_EQ(fcntl(signals(set, SFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
}

TEST(SignalFd, ReadersWait) {
  const Blocked blocked({SIGUSR1});
  const Descriptor fd = signals(blocked.set(), 0);
  const pid_t self = gettid();
  std::thread sender([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    kill(getpid(), SIGUSR1);
  });
  EXPECT_EQ(take(fd).ssi_signo, (unsigned)SIGUSR1);
  sender.join();
}

TEST(SignalFd, AnyThreadMayReadThoseOfTheProcess) {
  const Blocked blocked({SIGUSR1});
  const Descriptor fd = signals(blocked.set(), 0);
  std::atomic<pid_t> reader_id{0};
  std::thread reader([&] {
    reader_id = gettid();
    EXPECT_EQ(take(fd).ssi_signo, (unsigned)SIGUSR1);
  });
  EXPECT_TRUE(wait_until([&] { return reader_id != 0; }));
  EXPECT_TRUE(wait_until_blocked(reader_id));
  kill(getpid(), SIGUSR1);
  reader.join();
}

TEST(SignalFd, ChildrenThatEnd) {
  const Blocked blocked({SIGCHLD});
  const Descriptor fd = signals(blocked.set(), 0);
  const pid_t child = spawn([] { return 7; });
  const signalfd_siginfo info = take(fd);
  EXPECT_EQ(info.ssi_signo, (unsigned)SIGCHLD);
  EXPECT_EQ(info.ssi_pid, (unsigned)child);
  EXPECT_EQ(info.ssi_code, CLD_EXITED);
  EXPECT_EQ(info.ssi_status, 7);
  EXPECT_TRUE(reap(child).exited(7));
}

TEST(SignalFd, Timers) {
  const Blocked blocked({SIGRTMIN + 1});
  const Descriptor fd = signals(blocked.set(), 0);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN + 1;
  event.sigev_value.sival_int = 42;
  timer_t timer;
  ASSERT_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
  const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1'000'000}};
  ASSERT_OK(timer_settime(timer, 0, &soon, nullptr));
  const signalfd_siginfo info = take(fd);
  EXPECT_EQ(info.ssi_code, SI_TIMER);
  EXPECT_EQ(info.ssi_int, 42);
  timer_delete(timer);
}

// Whoever asks asks for himself.
TEST(SignalFd, EachProcessReadsItsOwn) {
  const Blocked blocked({SIGUSR1});
  const Descriptor fd = signals(blocked.set());
  raise(SIGUSR1);
  EXPECT_CHILD({
    EXPECT_FALSE(readable(fd));
    raise(SIGUSR1);
    EXPECT_TRUE(readable(fd));
    EXPECT_EQ(take(fd).ssi_pid, (unsigned)getpid());
  });
  EXPECT_EQ(take(fd).ssi_pid, (unsigned)getpid());
}

TEST(SignalFd, IsWatched) {
  const Blocked blocked({SIGUSR1});
  const Descriptor fd = signals(blocked.set());
  const EpollSet epoll;
  EXPECT_OK(epoll.add(fd, EPOLLIN));
  EXPECT_EQ(epoll.ready(), 0u);
  const pid_t self = gettid();
  std::thread sender([&] {
    EXPECT_TRUE(wait_until_blocked(self));
    kill(getpid(), SIGUSR1);
  });
  EXPECT_EQ(epoll.ready(-1), (std::uint32_t)EPOLLIN);
  sender.join();
  take(fd);
  EXPECT_EQ(epoll.ready(), 0u);
}

// Of an epoll and a signalfd that two processes have, the place in the queue of the one that watched may outlive it.
TEST(SignalFd, OutlivesWhoWatchedIt) {
  const Blocked blocked({SIGUSR1});
  const Descriptor fd = signals(blocked.set());
  const EpollSet epoll;
  for (int i = 0; i < 20; ++i) {
    EXPECT_CHILD({
      EXPECT_OK(epoll.control(EPOLL_CTL_ADD, fd, EPOLLIN, 1));
      raise(SIGUSR1);
      EXPECT_EQ(epoll.ready(), (std::uint32_t)EPOLLIN);
    });
    epoll.wait();
    EXPECT_OK(epoll.remove(fd));
  }
}

TEST(SignalFd, ProcShowsTheMask) {
  const Descriptor fd = signals(signal_set({SIGHUP, SIGINT}));
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd.get()));
  std::stringstream text;
  text << info.rdbuf();
  EXPECT_NE(text.str().find("sigmask:\t0000000000000003\n"), std::string::npos) << text.str();
}

}  // namespace
}  // namespace cv6::guest
