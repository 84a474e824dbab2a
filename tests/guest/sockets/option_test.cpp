// Options of sockets, and limits in time.

#include <sys/time.h>

#include <climits>

#include "support/child.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class SocketOptions : public TempDir {};

TEST_F(SocketOptions, WhatItIs) {
  const Descriptor packets = make_socket(SOCK_SEQPACKET);
  EXPECT_EQ(option_of(packets, SO_TYPE), SOCK_SEQPACKET);
  EXPECT_EQ(option_of(packets, SO_DOMAIN), AF_UNIX);
  EXPECT_EQ(option_of(packets, SO_PROTOCOL), 0);
  EXPECT_EQ(option_of(packets, SO_ERROR), 0);
  EXPECT_EQ(option_of(packets, SO_ACCEPTCONN), 0);
  EXPECT_EQ(option_of(packets, SO_PASSCRED), 0);
  EXPECT_EQ(option_of(packets, SO_RCVLOWAT), 1);
  EXPECT_ERRNO(ENOPROTOOPT, set_option(packets, SO_TYPE, 1));
  EXPECT_EQ(option_of(packets, 9999), -ENOPROTOOPT);
  EXPECT_ERRNO(ENOPROTOOPT, set_option(packets, 9999, 1));
}

TEST_F(SocketOptions, Buffers) {
  const Descriptor socket = make_socket();
  EXPECT_EQ(option_of(socket, SO_SNDBUF), 212992);
  EXPECT_EQ(option_of(socket, SO_RCVBUF), 212992);
  ASSERT_OK(set_option(socket, SO_SNDBUF, 10'000));
  EXPECT_EQ(option_of(socket, SO_SNDBUF), 20'000);
  ASSERT_OK(set_option(socket, SO_SNDBUF, 1));
  EXPECT_EQ(option_of(socket, SO_SNDBUF), 4608);
  ASSERT_OK(set_option(socket, SO_RCVBUF, 1));
  EXPECT_EQ(option_of(socket, SO_RCVBUF), 2304);
  ASSERT_OK(set_option(socket, SO_SNDBUF, INT_MAX));
  EXPECT_GE(option_of(socket, SO_SNDBUF), 425'984);  // twice what the machine allows
  ASSERT_OK(set_option(socket, SO_SNDBUFFORCE, 1'000'000));
  EXPECT_EQ(option_of(socket, SO_SNDBUF), 2'000'000);
  EXPECT_CHILD({
    ASSERT_OK(setuid(lonely_user()));
    EXPECT_ERRNO(EPERM, set_option(socket, SO_SNDBUFFORCE, 1'000'000));
  });
}

TEST_F(SocketOptions, KeptWithoutAMeaning) {
  const Descriptor socket = make_socket();
  for (const int option : {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST}) {
    EXPECT_EQ(option_of(socket, option), 0);
    EXPECT_OK(set_option(socket, option, 5));
    EXPECT_EQ(option_of(socket, option), 1);
    EXPECT_OK(set_option(socket, option, 0));
    EXPECT_EQ(option_of(socket, option), 0);
  }
}

TEST_F(SocketOptions, LingerIsKept) {
  const Descriptor socket = make_socket();
  linger value{7, 7};
  socklen_t size = sizeof value;
  ASSERT_OK(getsockopt(socket, SOL_SOCKET, SO_LINGER, &value, &size));
  EXPECT_EQ(value.l_onoff, 0);
  value = {1, 5};
  EXPECT_ERRNO(EINVAL, setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, 4));
  ASSERT_OK(setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, sizeof value));
  value = {};
  ASSERT_OK(getsockopt(socket, SOL_SOCKET, SO_LINGER, &value, &size));
  EXPECT_EQ(value.l_onoff, 1);
  EXPECT_EQ(value.l_linger, 5);
}

TEST_F(SocketOptions, SizesAndLevels) {
  const Descriptor socket = make_socket();
  int value = -1;
  socklen_t size = 2;
  ASSERT_OK(getsockopt(socket, SOL_SOCKET, SO_TYPE, &value, &size));
  EXPECT_EQ(size, 2u);
  EXPECT_EQ(static_cast<unsigned>(value), 0xffff0001u);
  size = 100;
  char large[100];
  ASSERT_OK(getsockopt(socket, SOL_SOCKET, SO_TYPE, large, &size));
  EXPECT_EQ(size, 4u);
  size = static_cast<socklen_t>(-1);
  EXPECT_ERRNO(EINVAL, getsockopt(socket, SOL_SOCKET, SO_TYPE, &value, &size));
  EXPECT_ERRNO(EFAULT, getsockopt(socket, SOL_SOCKET, SO_TYPE, &value, nullptr));
  size = 4;
  EXPECT_ERRNO(EFAULT, getsockopt(socket, SOL_SOCKET, SO_TYPE, nullptr, &size));
  EXPECT_ERRNO(EOPNOTSUPP, getsockopt(socket, 6, 1, &value, &size));
  EXPECT_ERRNO(EOPNOTSUPP, setsockopt(socket, 6, 1, &value, size));
  EXPECT_ERRNO(EINVAL, setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &value, 3));
  EXPECT_ERRNO(EINVAL, setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &value, static_cast<socklen_t>(-1)));
  EXPECT_ERRNO(EFAULT, setsockopt(socket, SOL_SOCKET, SO_SNDBUF, nullptr, 4));
}

TEST_F(SocketOptions, TimeLimits) {
  SocketPair pair;
  timeval limit{0, 20'000};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    timeval told{7, 7};
    socklen_t size = sizeof told;
    ASSERT_OK(getsockopt(pair.one, SOL_SOCKET, option, &told, &size));
    EXPECT_EQ(told.tv_sec, 0);
    EXPECT_EQ(told.tv_usec, 0);
    ASSERT_OK(setsockopt(pair.one, SOL_SOCKET, option, &limit, sizeof limit));
    ASSERT_OK(getsockopt(pair.one, SOL_SOCKET, option, &told, &size));
    EXPECT_EQ(told.tv_usec, 20'000);
    EXPECT_EQ(size, sizeof told);
    timeval bad{0, 1'000'000};
    EXPECT_ERRNO(EDOM, setsockopt(pair.one, SOL_SOCKET, option, &bad, sizeof bad));
    EXPECT_ERRNO(EINVAL, setsockopt(pair.one, SOL_SOCKET, option, &limit, 8));
  }
  EXPECT_EQ(receive_text(pair.one), "?EAGAIN");
  const std::string large(1 << 20, 'l');
  const ssize_t sent = write(pair.one, large.data(), large.size());
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 1 << 20);
  EXPECT_ERRNO(EAGAIN, write(pair.one, large.data(), large.size()));
  send_text(pair.other, "abc");
  EXPECT_EQ(receive_text(pair.one, 10, MSG_WAITALL), "abc");
}

TEST_F(SocketOptions, TimeLimitOfAcceptAndConnect) {
  const Descriptor listener = listen_at("s", SOCK_STREAM, 0);
  timeval limit{0, 20'000};
  ASSERT_OK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
  EXPECT_ERRNO(EAGAIN, accept(listener, nullptr, nullptr));
  const Descriptor first = connected_to("s");
  const Descriptor second = make_socket();
  ASSERT_OK(setsockopt(second, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
  EXPECT_ERRNO(EAGAIN, connect_to(second, "s"));
}

TEST_F(SocketOptions, PeersCredentials) {
  SocketPair pair;
  ucred peer{};
  socklen_t size = sizeof peer;
  ASSERT_OK(getsockopt(pair.one, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  EXPECT_EQ(peer.pid, getpid());
  EXPECT_EQ(peer.uid, geteuid());
  const Descriptor fresh = make_socket();
  ASSERT_OK(getsockopt(fresh, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  EXPECT_EQ(peer.pid, 0);
  EXPECT_EQ(peer.uid, static_cast<uid_t>(-1));
  ASSERT_OK(chmod(".", 0777));
  const uid_t user = lonely_user();
  const Descriptor listener = listen_at("s");
  ASSERT_OK(chmod("s", 0777));
  Pipe done;
  const pid_t pid = spawn_checked([&] {
    ASSERT_OK(setgid(77));
    ASSERT_OK(setuid(user));
    const Descriptor client = connected_to("s");
    ucred seen{};
    socklen_t length = sizeof seen;
    ASSERT_OK(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &seen, &length));
    EXPECT_EQ(seen.pid, getppid());
    EXPECT_EQ(seen.uid, 0u);
    EXPECT_TRUE(done.wait());
  });
  const Descriptor server(accept(listener, nullptr, nullptr));
  ASSERT_OK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  EXPECT_EQ(peer.pid, pid);
  EXPECT_EQ(peer.uid, user);
  EXPECT_EQ(peer.gid, 77u);
  done.notify();
  EXPECT_TRUE(reap(pid).exited(0));
  // Who has gone is still known.
  ASSERT_OK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  EXPECT_EQ(peer.uid, user);
}

}  // namespace
}  // namespace cv6::guest
