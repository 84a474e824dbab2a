// Streams between two sockets: order, blocking, ends that close or are shut down, poll, flags.

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <thread>

#include "support/child.hpp"
#include "support/memory.hpp"
#include "support/socket.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

constexpr std::size_t block_size = 65536;

TEST(SocketStream, BytesInOrderBothWays) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "hello", 5), 5);
  EXPECT_EQ(write(pair.one, " world", 6), 6);
  EXPECT_EQ(write(pair.other, "back", 4), 4);
  char text[32] = {};
  EXPECT_EQ(read(pair.other, text, 3), 3);
  EXPECT_EQ(read(pair.other, text + 3, 20), 8);
  EXPECT_STREQ(text, "hello world");
  EXPECT_EQ(receive_text(pair.one), "back");
}

TEST(SocketStream, IsASocket) {
  SocketPair pair;
  struct stat status{};
  ASSERT_OK(fstat(pair.one, &status));
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0777u);
  EXPECT_EQ(status.st_size, 0);
  EXPECT_ERRNO(ESPIPE, lseek(pair.one, 0, SEEK_SET));
  char byte;
  EXPECT_ERRNO(ESPIPE, pread(pair.one, &byte, 1, 0));
  EXPECT_ERRNO(EINVAL, ftruncate(pair.one, 0));
  EXPECT_EQ(fcntl(pair.one, F_GETFL), O_RDWR);
  EXPECT_EQ(fcntl(pair.one, F_GETFD), FD_CLOEXEC);
  char link[64] = {};
  const std::string path = "/proc/self/fd/" + std::to_string(pair.one.get());
  ASSERT_OK(readlink(path.c_str(), link, sizeof link - 1));
  EXPECT_EQ(link, "socket:[" + std::to_string(status.st_ino) + "]");
  EXPECT_ERRNO(ENXIO, open(path.c_str(), O_RDWR));
}

TEST(SocketStream, WhatCannotBeMade) {
  int ends[2];
  EXPECT_ERRNO(EAFNOSUPPORT, socketpair(1000, SOCK_STREAM, 0, ends));
  EXPECT_ERRNO(EAFNOSUPPORT, socket(-1, SOCK_STREAM, 0));
  EXPECT_ERRNO(EINVAL, socket(AF_UNIX, 15, 0));
  EXPECT_ERRNO(EINVAL, socket(AF_UNIX, SOCK_STREAM | 0x10000, 0));
  EXPECT_ERRNO(ESOCKTNOSUPPORT, socket(AF_UNIX, SOCK_RDM, 0));
  EXPECT_ERRNO(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 17));
  EXPECT_ERRNO(EFAULT, socketpair(AF_UNIX, SOCK_STREAM, 0, nullptr));
  const Descriptor known(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, PF_UNIX));
  EXPECT_OK(known.get());
  EXPECT_EQ(fcntl(known, F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(fcntl(known, F_GETFD), 0);
}

TEST(SocketStream, OthersAreNoSockets) {
  Pipe pipe;
  EXPECT_ERRNO(ENOTSOCK, send(pipe.write, "x", 1, 0));
  EXPECT_ERRNO(ENOTSOCK, listen(pipe.write, 1));
  EXPECT_ERRNO(EBADF, listen(-1, 1));
  const Descriptor place = open_file("/", O_PATH);
  EXPECT_ERRNO(EBADF, shutdown(place, SHUT_RD));
}

TEST(SocketStream, NotConnected) {
  const Descriptor alone = make_socket();
  EXPECT_ERRNO(ENOTCONN, write(alone, "x", 1));
  char byte;
  EXPECT_ERRNO(EINVAL, read(alone, &byte, 1));
  EXPECT_EQ(ready_events(alone), POLLOUT | POLLHUP);
  EXPECT_OK(shutdown(alone, SHUT_RDWR));
}

TEST(SocketStream, EndOfFileWhenTheOtherEndCloses) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "x", 1), 1);
  pair.one.close();
  EXPECT_EQ(receive_text(pair.other), "x");
  EXPECT_EQ(receive_text(pair.other), "");
  EXPECT_EQ(receive_text(pair.other), "");
  EXPECT_ERRNO(EPIPE, send_text(pair.other, "y"));
  EXPECT_EQ(ready_events(pair.other), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

TEST(SocketStream, ResetWhenItClosesWithSomethingUnread) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "unread", 6), 6);
  EXPECT_EQ(write(pair.other, "mine", 4), 4);
  pair.other.close();
  EXPECT_EQ(ready_events(pair.one), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
  EXPECT_EQ(receive_text(pair.one), "mine");
  EXPECT_EQ(receive_text(pair.one), "?ECONNRESET");
  EXPECT_EQ(receive_text(pair.one), "");  // once
  EXPECT_ERRNO(EPIPE, send_text(pair.one, "y"));
}

TEST(SocketStream, ResetIsForWhoReceives) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "unread", 6), 6);
  pair.other.close();
  EXPECT_ERRNO(EPIPE, send_text(pair.one, "x"));
  EXPECT_EQ(receive_text(pair.one), "?ECONNRESET");
}

TEST(SocketStream, ResetIsToldByOptionToo) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "unread", 6), 6);
  pair.other.close();
  EXPECT_EQ(option_of(pair.one, SO_ERROR), ECONNRESET);
  EXPECT_EQ(option_of(pair.one, SO_ERROR), 0);
  EXPECT_EQ(receive_text(pair.one), "");
}

TEST(SocketStream, WriterWithoutReaderGetsSigpipe) {
  EXPECT_KILLED_BY(SIGPIPE, {
    SocketPair pair;
    pair.other.close();
    write(pair.one, "x", 1);
  });
  EXPECT_KILLED_BY(SIGPIPE, {
    SocketPair pair;
    pair.other.close();
    send(pair.one, "x", 1, 0);
  });
  EXPECT_CHILD({
    SocketPair pair;
    pair.other.close();
    EXPECT_ERRNO(EPIPE, send(pair.one, "x", 1, MSG_NOSIGNAL));
  });
}

TEST(SocketStream, ShutdownOfSending) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "last", 4), 4);
  ASSERT_OK(shutdown(pair.one, SHUT_WR));
  EXPECT_EQ(receive_text(pair.other), "last");
  EXPECT_EQ(receive_text(pair.other), "");
  EXPECT_ERRNO(EPIPE, send_text(pair.one, "x"));
  EXPECT_EQ(send_text(pair.other, "still"), 5);
  EXPECT_EQ(receive_text(pair.one), "still");
  EXPECT_EQ(ready_events(pair.other), POLLIN | POLLOUT | POLLRDHUP);
  EXPECT_EQ(ready_events(pair.one), POLLOUT);
}

TEST(SocketStream, ShutdownOfReceiving) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "before", 6), 6);
  ASSERT_OK(shutdown(pair.other, SHUT_RD));
  EXPECT_ERRNO(EPIPE, send_text(pair.one, "x"));
  EXPECT_EQ(receive_text(pair.other), "before");
  EXPECT_EQ(receive_text(pair.other), "");
  EXPECT_ERRNO(EINVAL, shutdown(pair.one, 3));
  EXPECT_ERRNO(EINVAL, shutdown(pair.one, -1));
  ASSERT_OK(shutdown(pair.one, SHUT_RDWR));
  EXPECT_EQ(ready_events(pair.one), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

TEST(SocketStream, ReaderSleepsUntilBytesOrEnd) {
  SocketPair pair;
  const pid_t pid = spawn_checked([&] {
    pair.one.close();
    EXPECT_EQ(receive_text(pair.other), "abc");
    EXPECT_EQ(receive_text(pair.other), "");
  });
  pair.other.close();
  ASSERT_TRUE(wait_until_blocked(pid));
  EXPECT_EQ(write(pair.one, "abc", 3), 3);
  ASSERT_TRUE(wait_until_blocked(pid));
  pair.one.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(SocketStream, ShutdownWakesWhoWaits) {
  SocketPair pair;
  std::atomic<pid_t> id{0};
  std::thread reader([&] {
    id = gettid();
    EXPECT_EQ(receive_text(pair.one), "");
  });
  ASSERT_TRUE(wait_until([&] { return id != 0; }));
  ASSERT_TRUE(wait_until_blocked(id));
  EXPECT_OK(shutdown(pair.one, SHUT_RD));
  reader.join();
}

TEST(SocketStream, NonblockingFillsUpAndDrains) {
  SocketPair pair(SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_EQ(receive_text(pair.one), "?EAGAIN");
  const std::string block(4096, 'f');
  std::size_t sent = 0;
  ssize_t size;
  while ((size = send_text(pair.one, block)) > 0) sent += static_cast<std::size_t>(size);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_GT(sent, 16 * block.size());
  EXPECT_LT(sent, 4u << 20);
  EXPECT_EQ(ready_events(pair.one), 0);
  int there = 0;
  EXPECT_OK(ioctl(pair.other, FIONREAD, &there));
  EXPECT_EQ(static_cast<std::size_t>(there), sent);
  int under_way = 0;
  EXPECT_OK(ioctl(pair.one, TIOCOUTQ, &under_way));
  EXPECT_GE(static_cast<std::size_t>(under_way), sent);
  std::size_t received = 0;
  char bytes[10'000];
  while ((size = read(pair.other, bytes, sizeof bytes)) > 0) received += static_cast<std::size_t>(size);
  EXPECT_EQ(received, sent);
  EXPECT_EQ(ready_events(pair.one), POLLOUT);
  EXPECT_OK(ioctl(pair.one, TIOCOUTQ, &under_way));
  EXPECT_EQ(under_way, 0);
}

TEST(SocketStream, OneCallWithoutWaiting) {
  SocketPair pair;
  EXPECT_EQ(receive_text(pair.one, 10, MSG_DONTWAIT), "?EAGAIN");
  const std::string block(4096, 'f');
  while (send_text(pair.one, block, MSG_DONTWAIT) > 0) {
  }
  EXPECT_EQ(errno, EAGAIN);
}

TEST(SocketStream, LargeStreamBetweenProcesses) {
  SocketPair pair;
  constexpr unsigned words = 1'000'000;
  const pid_t pid = spawn([&] {
    pair.one.close();
    std::vector<unsigned> block(17'777);
    for (unsigned next = 0; next < words;) {
      std::size_t count = 0;
      while (count < block.size() && next < words) block[count++] = next++;
      const char* at = reinterpret_cast<char*>(block.data());
      for (std::size_t left = count * sizeof(unsigned); left > 0;) {
        const ssize_t written = write(pair.other, at, left);
        if (written <= 0) return 1;
        at += written;
        left -= static_cast<std::size_t>(written);
      }
    }
    return 0;
  });
  pair.other.close();
  unsigned expected = 0;
  bool right = true;
  std::vector<unsigned> block(10'007);
  while (recv(pair.one, block.data(), block.size() * sizeof(unsigned), MSG_WAITALL) > 0)
    for (const unsigned word : block)
      if (expected < words) right = right && word == expected++;
  EXPECT_TRUE(right);
  EXPECT_EQ(expected, words);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(SocketStream, ManyWritersAndReaders) {
  SocketPair pair;
  constexpr int writers = 4, readers = 3, records = 3000;
  std::atomic<int> left{writers};
  std::vector<std::thread> threads;
  for (int w = 0; w < writers; ++w)
    threads.emplace_back([&] {
      const std::string record(100, 'r');
      for (int i = 0; i < records; ++i) EXPECT_EQ(send_text(pair.one, record), 100);
      if (--left == 0) shutdown(pair.one, SHUT_WR);
    });
  std::atomic<std::size_t> received{0};
  for (int r = 0; r < readers; ++r)
    threads.emplace_back([&] {
      char bytes[777];
      for (ssize_t size; (size = read(pair.other, bytes, sizeof bytes)) > 0;) received += static_cast<std::size_t>(size);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(received, std::size_t{writers} * records * 100);
}

TEST(SocketStream, Peek) {
  SocketPair pair;
  send_text(pair.one, "abc");
  send_text(pair.one, "def");
  EXPECT_EQ(receive_text(pair.other, 2, MSG_PEEK), "ab");
  EXPECT_EQ(receive_text(pair.other, 10, MSG_PEEK), "abcdef");
  EXPECT_EQ(receive_text(pair.other, 4), "abcd");
  EXPECT_EQ(receive_text(pair.other, 10, MSG_PEEK), "ef");
  EXPECT_EQ(receive_text(pair.other, 10), "ef");
}

TEST(SocketStream, WaitsForAll) {
  SocketPair pair;
  send_text(pair.one, "abc");
  const pid_t pid = spawn_checked([&] { EXPECT_EQ(receive_text(pair.other, 6, MSG_WAITALL), "abcdef"); });
  ASSERT_TRUE(wait_until_blocked(pid));
  send_text(pair.one, "def");
  EXPECT_TRUE(reap(pid).exited(0));
  send_text(pair.one, "end");
  shutdown(pair.one, SHUT_WR);
  EXPECT_EQ(receive_text(pair.other, 6, MSG_WAITALL), "end");
}

TEST(SocketStream, PiecesAndFiles) {
  SocketPair pair;
  iovec out[] = {{const_cast<char*>("ab"), 2}, {nullptr, 0}, {const_cast<char*>("cde"), 3}};
  EXPECT_EQ(writev(pair.one, out, 3), 5);
  char first[2], second[8];
  iovec in[] = {{first, sizeof first}, {second, sizeof second}};
  EXPECT_EQ(readv(pair.other, in, 2), 5);
  EXPECT_EQ(std::string(second, 3), "cde");
  const Descriptor zeros = open_file("/proc/self/exe", O_RDONLY);
  EXPECT_EQ(sendfile(pair.one, zeros, nullptr, 1000), 1000);
  EXPECT_EQ(receive_text(pair.other, 2000).size(), 1000u);
}

TEST(SocketStream, BadMemory) {
  SocketPair pair;
  void* bad = reinterpret_cast<void*>(16);
  EXPECT_ERRNO(EFAULT, write(pair.one, bad, 10));
  EXPECT_ERRNO(EFAULT, write(pair.one, bad, 10'000));
  send_text(pair.one, "kept");
  EXPECT_ERRNO(EFAULT, read(pair.other, bad, 10));
  EXPECT_EQ(receive_text(pair.other), "kept");
  EXPECT_ERRNO(EFAULT, sendmsg(pair.one, nullptr, 0));
  EXPECT_ERRNO(EFAULT, recvmsg(pair.one, nullptr, 0));
  msghdr message{};
  message.msg_iovlen = 2000;
  EXPECT_ERRNO(EMSGSIZE, sendmsg(pair.one, &message, 0));
}

TEST(SocketStream, NothingIsSentByNothing) {
  SocketPair pair;
  EXPECT_EQ(write(pair.one, "", 0), 0);
  EXPECT_EQ(send_text(pair.one, ""), 0);
  EXPECT_EQ(ready_events(pair.other), POLLOUT);
  char byte;
  EXPECT_EQ(read(pair.other, &byte, 0), 0);
}

TEST(SocketStream, SignalInterruptsAndCallIsMadeAgain) {
  SocketPair pair;
  EXPECT_CHILD({
    struct sigaction action{};
    action.sa_handler = [](int) {};
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, nullptr);
    const pid_t self = getpid();
    const pid_t child = spawn([&] {
      wait_until_blocked(self);
      kill(self, SIGUSR1);
      wait_until_blocked(self);
      send_text(pair.one, "late");
      return 0;
    });
    EXPECT_EQ(receive_text(pair.other), "late");
    reap(child);
    // With a time limit it is not made again.
    timeval limit{1000, 0};
    EXPECT_OK(setsockopt(pair.other, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    const pid_t second = spawn([&] {
      wait_until_blocked(self);
      kill(self, SIGUSR1);
      return 0;
    });
    EXPECT_EQ(receive_text(pair.other), "?EINTR");
    reap(second);
  });
}

TEST(SocketStream, SurvivesForkAndDup) {
  SocketPair pair;
  Descriptor copy(dup(pair.one));
  const pid_t pid = spawn([&] {
    send_text(pair.one, "child");
    return 0;
  });
  EXPECT_TRUE(reap(pid).exited(0));
  pair.one.close();
  EXPECT_EQ(receive_text(pair.other), "child");
  send_text(copy, "copy");
  EXPECT_EQ(receive_text(pair.other), "copy");
  copy.close();
  EXPECT_EQ(receive_text(pair.other), "");
}

TEST(SocketStream, WriterWaitsForRoom) {
  SocketPair pair;
  const pid_t pid = spawn([&] {
    pair.one.close();
    const std::string large(1 << 20, 'l');
    return write(pair.other, large.data(), large.size()) == 1 << 20 ? 0 : 1;
  });
  pair.other.close();
  ASSERT_TRUE(wait_until_blocked(pid));
  std::size_t received = 0;
  std::string bytes(block_size, '\0');
  for (ssize_t size; (size = read(pair.one, bytes.data(), bytes.size())) > 0;) received += static_cast<std::size_t>(size);
  EXPECT_EQ(received, 1u << 20);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST(SocketStream, WaitingWriterLearnsOfTheEnd) {
  SocketPair pair;
  const pid_t pid = spawn_checked([&] {
    pair.one.close();
    signal(SIGPIPE, SIG_IGN);
    const std::string large(1 << 20, 'l');
    const ssize_t written = write(pair.other, large.data(), large.size());
    EXPECT_GT(written, 0);
    EXPECT_LT(written, 1 << 20);
  });
  pair.other.close();
  ASSERT_TRUE(wait_until_blocked(pid));
  pair.one.close();
  EXPECT_TRUE(reap(pid).exited(0));
}

}  // namespace
}  // namespace cv6::guest
