// Control data: files that are passed (SCM_RIGHTS) and credentials (SCM_CREDENTIALS).

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "support/child.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class SocketControl : public TempDir {};

bool same_file(int a, int b) {
  struct stat one{}, other{};
  return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

// --- files -----------------------------------------------------------------------------------------------------------

TEST_F(SocketControl, FilesArrive) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    SocketPair pair(type);
    write_file("file", "text");
    Descriptor file = open_file("file", O_RDWR);
    ASSERT_EQ(pass_files(pair.one, {file, pair.one}, "bytes"), 5);
    const Received got = receive_control(pair.other);
    EXPECT_EQ(got.text, "bytes");
    EXPECT_EQ(got.flags, 0);
    ASSERT_EQ(got.files.size(), 2u);
    EXPECT_TRUE(same_file(got.files[0], file));
    EXPECT_TRUE(same_file(got.files[1], pair.one));
    EXPECT_EQ(fcntl(got.files[0], F_GETFD), 0);
    // The same open file: one position.
    EXPECT_EQ(lseek(file, 2, SEEK_SET), 2);
    EXPECT_EQ(lseek(got.files[0], 0, SEEK_CUR), 2);
  }
}

TEST_F(SocketControl, FilesArriveInAnotherProcess) {
  SocketPair pair;
  const pid_t pid = spawn_checked([&] {
    const Received got = receive_control(pair.other);
    ASSERT_EQ(got.files.size(), 1u);
    EXPECT_EQ(write(got.files[0], "by the child", 12), 12);
  });
  {
    const Descriptor file = open_file("file", O_RDWR | O_CREAT);
    ASSERT_EQ(pass_files(pair.one, {file}), 1);
  }
  EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(read_file("file"), "by the child");
}

TEST_F(SocketControl, CloseOnExecIfAsked) {
  SocketPair pair;
  pass_files(pair.one, {pair.one});
  const Received got = receive_control(pair.other, 100, MSG_CMSG_CLOEXEC);
  ASSERT_EQ(got.files.size(), 1u);
  EXPECT_EQ(fcntl(got.files[0], F_GETFD), FD_CLOEXEC);
}

TEST_F(SocketControl, AStreamStopsBehindThem) {
  SocketPair pair;
  Pipe pipe;
  send_text(pair.one, "before ");
  pass_files(pair.one, {pipe.read}, "with");
  send_text(pair.one, " after");
  const Received first = receive_control(pair.other);
  EXPECT_EQ(first.text, "before with");
  EXPECT_EQ(first.files.size(), 1u);
  EXPECT_EQ(receive_text(pair.other), " after");
  pass_files(pair.one, {pipe.read}, "part");
  const Received part = receive_control(pair.other, 2);
  EXPECT_EQ(part.text, "pa");
  EXPECT_EQ(part.files.size(), 1u);
  const Received rest = receive_control(pair.other);
  EXPECT_EQ(rest.text, "rt");
  EXPECT_TRUE(rest.files.empty());
}

TEST_F(SocketControl, WhoReadsLosesThem) {
  SocketPair pair;
  Pipe pipe;
  pass_files(pair.one, {pipe.write}, "lost");
  pipe.write.close();
  EXPECT_EQ(receive_text(pair.other), "lost");
  char byte;
  EXPECT_EQ(read(pipe.read, &byte, 1), 0);  // nobody has the writing end any more
  Pipe second;
  pass_files(pair.one, {second.write}, "cut");
  second.write.close();
  const Received got = receive_control(pair.other, 100, 0, 0);
  EXPECT_EQ(got.flags, MSG_CTRUNC);
  EXPECT_EQ(read(second.read, &byte, 1), 0);
}

TEST_F(SocketControl, RoomForSome) {
  SocketPair pair;
  Pipe pipe;
  pass_files(pair.one, {pipe.read, pipe.read, pipe.write});
  pipe.write.close();
  const Received got = receive_control(pair.other, 100, 0, CMSG_LEN(2 * sizeof(int)));
  EXPECT_EQ(got.flags, MSG_CTRUNC);
  EXPECT_EQ(got.files.size(), 2u);
  char byte;
  EXPECT_EQ(read(pipe.read, &byte, 1), 0);
  pass_files(pair.one, {pipe.read});
  EXPECT_EQ(receive_control(pair.other, 100, 0, 8).flags, MSG_CTRUNC);
}

TEST_F(SocketControl, NoDescriptorsLeft) {
  SocketPair pair;
  pass_files(pair.one, {pair.one, pair.one});
  EXPECT_CHILD({
    rlimit few{};
    ASSERT_OK(getrlimit(RLIMIT_NOFILE, &few));
    const Descriptor next(dup(pair.one));
    few.rlim_cur = static_cast<rlim_t>(next.get()) + 2;
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
    const Received got = receive_control(pair.other);
    EXPECT_EQ(got.size, 1);
    EXPECT_EQ(got.files.size(), 1u);
    EXPECT_EQ(got.flags, MSG_CTRUNC);
  });
}

TEST_F(SocketControl, PeekedFilesArriveTwice) {
  SocketPair pair;
  Pipe pipe;
  pass_files(pair.one, {pipe.read}, "p");
  const Received peeked = receive_control(pair.other, 100, MSG_PEEK);
  const Received taken = receive_control(pair.other);
  ASSERT_EQ(peeked.files.size(), 1u);
  ASSERT_EQ(taken.files.size(), 1u);
  EXPECT_NE(peeked.files[0].get(), taken.files[0].get());
  EXPECT_TRUE(same_file(peeked.files[0], taken.files[0]));
}

TEST_F(SocketControl, Places) {
  SocketPair pair;
  const Descriptor place = open_file(".", O_PATH);
  ASSERT_EQ(pass_files(pair.one, {place}), 1);
  const Received got = receive_control(pair.other);
  ASSERT_EQ(got.files.size(), 1u);
  EXPECT_TRUE(same_file(got.files[0], place));
}

TEST_F(SocketControl, WhatIsRefused) {
  SocketPair pair;
  EXPECT_ERRNO(EBADF, pass_files(pair.one, {9999}));
  EXPECT_ERRNO(EBADF, pass_files(pair.one, {pair.one, -1}));
  EXPECT_ERRNO(EINVAL, pass_files(pair.one, std::vector<int>(254, pair.one.get())));
  EXPECT_EQ(pass_files(pair.one, std::vector<int>(253, 0)), 1);
  EXPECT_EQ(receive_control(pair.other, 100, 0, CMSG_SPACE(253 * sizeof(int))).files.size(), 253u);
  char bytes[64] = {};
  iovec piece{bytes, 1};
  auto* header = reinterpret_cast<cmsghdr*>(bytes);
  const auto send_header = [&](std::size_t length, int level, int type, std::size_t room) {
    *header = {.cmsg_len = length, .cmsg_level = level, .cmsg_type = type};
    const msghdr message{.msg_name = nullptr, .msg_namelen = 0, .msg_iov = &piece, .msg_iovlen = 1, .msg_control = bytes,
                         .msg_controllen = room, .msg_flags = 0};
    return sendmsg(pair.one, &message, MSG_NOSIGNAL);
  };
  EXPECT_ERRNO(EINVAL, send_header(8, SOL_SOCKET, SCM_RIGHTS, 32));
  EXPECT_ERRNO(EINVAL, send_header(64, SOL_SOCKET, SCM_RIGHTS, 32));
  EXPECT_ERRNO(EINVAL, send_header(20, SOL_SOCKET, 99, 32));
  EXPECT_ERRNO(EINVAL, send_header(20, SOL_SOCKET, SCM_CREDENTIALS, 32));
  EXPECT_EQ(send_header(20, 77, SCM_RIGHTS, 32), 1);           // of another level: none of ours
  EXPECT_EQ(send_header(16, SOL_SOCKET, SCM_RIGHTS, 16), 1);   // no files
  EXPECT_EQ(receive_text(pair.other), "\024\020");  // what they begin with
  const msghdr unreadable{.msg_name = nullptr, .msg_namelen = 0, .msg_iov = &piece, .msg_iovlen = 1,
                          .msg_control = reinterpret_cast<void*>(16), .msg_controllen = 32, .msg_flags = 0};
  EXPECT_ERRNO(EFAULT, sendmsg(pair.one, &unreadable, 0));
}

TEST_F(SocketControl, SocketsTravelBeforeTheirCarriersArrive) {
  // A pair goes through a pair, and something is sent to it at once.
  SocketPair first, second, third;
  ASSERT_EQ(pass_files(first.one, {second.other}, "second"), 6);
  ASSERT_EQ(pass_files(second.one, {third.other}, "third"), 5);
  send_text(third.one, "end");
  second.other.close();
  third.other.close();
  const Received got = receive_control(first.other);
  ASSERT_EQ(got.files.size(), 1u);
  const Received inner = receive_control(got.files[0]);
  ASSERT_EQ(inner.files.size(), 1u);
  EXPECT_EQ(receive_text(inner.files[0]), "end");
}

TEST_F(SocketControl, ToWhoHasNotAccepted) {
  const Descriptor listener = listen_at("s");
  Descriptor client = connected_to("s");
  SocketPair pair;
  ASSERT_EQ(pass_files(client, {pair.other, client}, "x"), 1);
  pair.other.close();
  const Descriptor server(accept(listener, nullptr, nullptr));
  const Received got = receive_control(server);
  ASSERT_EQ(got.files.size(), 2u);
  send_text(pair.one, "through");
  EXPECT_EQ(receive_text(got.files[0]), "through");
}

TEST_F(SocketControl, NothingIsLeftOfCircles) {
  // Linux takes them and collects them; cv6 refuses what would close one.
  for (int round = 0; round < 50; ++round) {
    SocketPair pair;
    if (pass_files(pair.one, {pair.other}) < 0) EXPECT_EQ(errno, ETOOMANYREFS);
    SocketPair one, two;
    EXPECT_EQ(pass_files(one.one, {two.other}), 1);
    if (pass_files(two.one, {one.other}) < 0) EXPECT_EQ(errno, ETOOMANYREFS);
  }
}

TEST_F(SocketControl, UnreadFilesAreClosed) {
  Pipe pipe;
  {
    SocketPair pair;
    pass_files(pair.one, {pipe.write});
    const Descriptor listener = listen_at("s");
    const Descriptor client = connected_to("s");
    pass_files(client, {pipe.write});
  }
  pipe.write.close();
  char byte;
  EXPECT_EQ(read(pipe.read, &byte, 1), 0);
}

// --- credentials -----------------------------------------------------------------------------------------------------

TEST_F(SocketControl, CredentialsAreTold) {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
    SocketPair pair(type);
    ASSERT_OK(set_option(pair.other, SO_PASSCRED, 1));
    EXPECT_EQ(option_of(pair.other, SO_PASSCRED), 1);
    const pid_t pid = spawn_checked([&] {
      ASSERT_OK(setgid(77));
      ASSERT_OK(setuid(78));
      EXPECT_EQ(write(pair.one, "x", 1), 1);
    });
    EXPECT_TRUE(reap(pid).exited(0));
    const Received got = receive_control(pair.other);
    ASSERT_TRUE(got.has_credentials);
    EXPECT_EQ(got.credentials.uid, 78u);
    EXPECT_EQ(got.credentials.gid, 77u);
    send_text(pair.one, "y");
    const Received own = receive_control(pair.other);
    EXPECT_EQ(own.credentials.pid, getpid());
    EXPECT_EQ(own.credentials.uid, getuid());
    EXPECT_EQ(receive_control(pair.one, 10, MSG_DONTWAIT).size, -1);
    ASSERT_OK(set_option(pair.other, SO_PASSCRED, 0));
    send_text(pair.one, "z");
    EXPECT_FALSE(receive_control(pair.other).has_credentials);
  }
}

TEST_F(SocketControl, AStreamStopsBetweenSenders) {
  SocketPair pair;
  ASSERT_OK(set_option(pair.other, SO_PASSCRED, 1));
  const auto by_child = [&](std::string_view text) {
    EXPECT_TRUE(run([&] { return send_text(pair.one, text) > 0 ? 0 : 1; }).exited(0));
  };
  send_text(pair.one, "mine");
  send_text(pair.one, " too");
  by_child("child's");
  const Received own = receive_control(pair.other);
  EXPECT_EQ(own.text, "mine too");
  EXPECT_EQ(own.credentials.pid, getpid());
  EXPECT_EQ(receive_control(pair.other).text, "child's");
}

TEST_F(SocketControl, ChosenCredentials) {
  SocketPair pair;
  ASSERT_OK(set_option(pair.other, SO_PASSCRED, 1));
  ucred said{.pid = getpid(), .uid = 0, .gid = 0};
  ASSERT_EQ(send_control(pair.one, "x", {.credentials = &said}), 1);
  EXPECT_EQ(receive_control(pair.other).credentials.pid, getpid());
  said = {.pid = getppid(), .uid = 5, .gid = 6};
  ASSERT_EQ(send_control(pair.one, "x", {.credentials = &said}), 1);
  const Received got = receive_control(pair.other);
  EXPECT_EQ(got.credentials.pid, getppid());
  EXPECT_EQ(got.credentials.uid, 5u);
  EXPECT_EQ(got.credentials.gid, 6u);
  said.pid = 4'000'000;
  EXPECT_ERRNO(ESRCH, send_control(pair.one, "x", {.credentials = &said}));
  EXPECT_CHILD({
    ASSERT_OK(setgid(77));
    ASSERT_OK(setuid(78));
    ucred own{.pid = getpid(), .uid = 78, .gid = 77};
    EXPECT_EQ(send_control(pair.one, "x", {.credentials = &own}), 1);
    own.pid = getppid();
    EXPECT_ERRNO(EPERM, send_control(pair.one, "x", {.credentials = &own}));
    own = {.pid = getpid(), .uid = 0, .gid = 77};
    EXPECT_ERRNO(EPERM, send_control(pair.one, "x", {.credentials = &own}));
    own = {.pid = getpid(), .uid = 78, .gid = 0};
    EXPECT_ERRNO(EPERM, send_control(pair.one, "x", {.credentials = &own}));
  });
}

TEST_F(SocketControl, CredentialsThatWereNotAskedFor) {
  SocketPair pair;
  send_text(pair.one, "early");
  ASSERT_OK(set_option(pair.other, SO_PASSCRED, 1));
  const Received got = receive_control(pair.other);
  ASSERT_TRUE(got.has_credentials);
  EXPECT_EQ(got.credentials.pid, 0);
  EXPECT_EQ(got.credentials.uid, 65534u);
}

TEST_F(SocketControl, CredentialsToWhoHasNotAccepted) {
  const Descriptor listener = listen_at("s");
  const Descriptor client = connected_to("s");
  send_text(client, "early");
  const Descriptor server(accept(listener, nullptr, nullptr));
  ASSERT_OK(set_option(server, SO_PASSCRED, 1));
  const Received got = receive_control(server);
  ASSERT_TRUE(got.has_credentials);
  EXPECT_EQ(got.credentials.pid, getpid());
}

TEST_F(SocketControl, ConnectionsAreToldAsTheListener) {
  const Descriptor listener = listen_at("s");
  ASSERT_OK(set_option(listener, SO_PASSCRED, 1));
  const Descriptor client = connected_to("s");
  const Descriptor server(accept(listener, nullptr, nullptr));
  EXPECT_EQ(option_of(server, SO_PASSCRED), 1);
  EXPECT_EQ(option_of(client, SO_PASSCRED), 0);
}

TEST_F(SocketControl, WhoIsToldOfGetsAName) {
  const Descriptor listener = listen_at("s");
  const Descriptor client = make_socket();
  ASSERT_OK(set_option(client, SO_PASSCRED, 1));
  ASSERT_OK(connect_to(client, "s"));
  EXPECT_EQ(name_by(getsockname, client).size(), 6u);
}

TEST_F(SocketControl, CredentialsAndFilesTogether) {
  SocketPair pair(SOCK_SEQPACKET);
  ASSERT_OK(set_option(pair.other, SO_PASSCRED, 1));
  const ucred said{.pid = getpid(), .uid = 0, .gid = 0};
  ASSERT_EQ(send_control(pair.one, "x", {.files = {pair.one}, .credentials = &said}), 1);
  const Received got = receive_control(pair.other);
  EXPECT_TRUE(got.has_credentials);
  EXPECT_EQ(got.files.size(), 1u);
  send_text(pair.one, "y");
  EXPECT_EQ(receive_control(pair.other, 100, 0, 20).flags, MSG_CTRUNC);
}

}  // namespace
}  // namespace cv6::guest
