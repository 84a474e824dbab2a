// Sockets and containers: names of their own, files and credentials that cross the border, limits, and nothing left.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "support/container.hpp"
#include "support/memory.hpp"
#include "support/soak.hpp"
#include "support/socket.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class ContainerSockets : public ContainersAndFiles {};

TEST_F(ContainerSockets, OnlyTheHostsRootGoesBeyondTheLimitOfBuffers) {
  const Descriptor socket = make_socket();
  EXPECT_OK(set_option(socket, SO_SNDBUFFORCE, 1'000'000));
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_ERRNO(EPERM, set_option(socket, SO_SNDBUFFORCE, INT_MAX));
    EXPECT_ERRNO(EPERM, set_option(socket, SO_RCVBUFFORCE, INT_MAX));
  });
  EXPECT_EQ(option_of(socket, SO_SNDBUF), 2'000'000);
}

// --- names -----------------------------------------------------------------------------------------------------------

TEST_F(ContainerSockets, AbstractNamesAreTheContainersOwn) {
  const std::string name = own_abstract_name("box");
  const Descriptor outside = listen_at(name);
  Box first, second;
  for (const Box* box : {&first, &second})
    EXPECT_INSIDE(*box, {
      const Descriptor client = make_socket();
      EXPECT_ERRNO(ECONNREFUSED, connect_to(client, name));
      const Descriptor inside = listen_at(name);
      EXPECT_OK(connected_to(name).get());
      EXPECT_EQ(ready_events(inside), POLLIN);
    });
  EXPECT_EQ(ready_events(outside), 0);
  // And not seen from outside while they are bound.
  Pipe bound, done;
  const std::string inner = own_abstract_name("inner");
  const pid_t pid = first.start([&] {
    const Descriptor inside = listen_at(inner);
    bound.notify();
    EXPECT_TRUE(done.wait());
    EXPECT_EQ(ready_events(inside), 0);
  });
  ASSERT_TRUE(bound.wait());
  const Descriptor client = make_socket();
  EXPECT_ERRNO(ECONNREFUSED, connect_to(client, inner));
  EXPECT_INSIDE(second, {
    const Descriptor other = make_socket();
    EXPECT_ERRNO(ECONNREFUSED, connect_to(other, inner));
  });
  done.notify();
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(ContainerSockets, PathsAreTheViewsOwn) {
  const Descriptor outside = listen_at("s");
  Box box;
  EXPECT_INSIDE(box, {
    struct stat status{};
    ASSERT_OK(stat("s", &status));
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    const Descriptor client = make_socket();
    EXPECT_ERRNO(ECONNREFUSED, connect_to(client, "s"));
    EXPECT_ERRNO(EADDRINUSE, bind_to(client, "s"));
    ASSERT_OK(unlink("s"));
    const Descriptor inside = listen_at("s");
    EXPECT_OK(connected_to("s").get());
    EXPECT_EQ(ready_events(inside), POLLIN);
    EXPECT_OK(listen_at("inside").get());
  });
  EXPECT_EQ(ready_events(outside), 0);
  EXPECT_FALSE(exists("inside"));
  EXPECT_OK(connected_to("s").get());
  EXPECT_EQ(ready_events(outside), POLLIN);
}

TEST_F(ContainerSockets, VolumesLeadOut) {
  ASSERT_OK(mkdir("shared", 0755));
  ASSERT_OK(mkdir("here", 0755));
  const Descriptor outside = listen_at("shared/s");
  Box box;
  ASSERT_OK(mount_into(box, path("shared"), path("here")));
  const pid_t pid = box.start([&] {
    const Descriptor client = connected_to("here/s");
    EXPECT_EQ(receive_text(client), "from outside");
    ucred peer{};
    socklen_t size = sizeof peer;
    ASSERT_OK(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size));
    EXPECT_EQ(peer.pid, 0);  // nobody that is seen from here
    EXPECT_EQ(peer.uid, 0u);
  });
  const Descriptor server(accept(outside, nullptr, nullptr));
  ucred peer{};
  socklen_t size = sizeof peer;
  ASSERT_OK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &size));
  EXPECT_EQ(peer.pid, pid);
  send_text(server, "from outside");
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(ContainerSockets, FromOutsideTheyLeadNowhere) {
  const std::string name = own_abstract_name("nowhere");
  const Descriptor listener = listen_at(name);
  const Descriptor fresh = make_socket(), datagrams = make_socket(SOCK_DGRAM);
  Box box;
  EXPECT_INSIDE(box, {
    const Descriptor inside = listen_at(name);
    EXPECT_ERRNO(EXDEV, connect_to(fresh, name));
    EXPECT_ERRNO(EXDEV, bind_to(fresh, own_abstract_name("other")));
    const SocketAddress address(name);
    EXPECT_ERRNO(EXDEV, sendto(datagrams, "x", 1, 0, address.get(), address.size));
    EXPECT_EQ(ready_events(inside), 0);
    EXPECT_EQ(name_by(getsockname, listener), name);
  });
  EXPECT_EQ(ready_events(listener), 0);
  EXPECT_OK(connect_to(fresh, name));
}

// --- leaving and passing ---------------------------------------------------------------------------------------------

TEST_F(ContainerSockets, DataOfTheOnesFromOutsideFlows) {
  SocketPair pair;
  Box box;
  EXPECT_INSIDE(box, {
    EXPECT_EQ(send_text(pair.one, "from inside"), 11);
    EXPECT_OK(leave_container());
    EXPECT_EQ(send_text(pair.one, ", again outside"), 15);
  });
  EXPECT_EQ(receive_text(pair.other), "from inside, again outside");
}

TEST_F(ContainerSockets, ThoseMadeInsideAreClosedByLeave) {
  Box box;
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    SocketPair pair;
    const Descriptor listener = listen_at(own_abstract_name("inside"));
    const Descriptor client = connected_to(own_abstract_name("inside"));
    const Descriptor server(accept(listener, nullptr, nullptr));
    ASSERT_OK(leave_container());
    for (const int fd : {pair.one.get(), pair.other.get(), listener.get(), client.get(), server.get()})
      EXPECT_ERRNO(EBADF, fcntl(fd, F_GETFD));
  });
}

TEST_F(ContainerSockets, PassedFilesFollowTheRulesOfDescriptors) {
  ASSERT_OK(mkdir("directory", 0755));
  write_file("directory/file", "outside");
  SocketPair pair;
  Box box;
  const pid_t pid = box.start_resident([&] {
    // From outside: data flows, but it leads nowhere.
    const Received got = receive_control(pair.other);
    ASSERT_EQ(got.files.size(), 2u);
    char text[8] = {};
    EXPECT_EQ(read(got.files[0], text, 7), 7);
    EXPECT_STREQ(text, "outside");
    EXPECT_ERRNO(EXDEV, openat(got.files[1], "file", O_RDONLY));
    EXPECT_ERRNO(EXDEV, fchdir(got.files[1]));
    write_file("directory/file", "inside");
    const Descriptor file = open_file("directory/file", O_RDONLY);
    EXPECT_EQ(pass_files(pair.other, {file}), 1);
    EXPECT_EQ(receive_text(pair.other), "done");
  });
  {
    const Descriptor file = open_file("directory/file", O_RDONLY), directory = open_file("directory", O_RDONLY | O_DIRECTORY);
    ASSERT_EQ(pass_files(pair.one, {file, directory}), 1);
  }
  const Received got = receive_control(pair.one);
  ASSERT_EQ(got.files.size(), 1u);
  char text[8] = {};
  EXPECT_EQ(read(got.files[0], text, 7), 6);
  EXPECT_STREQ(text, "inside");
  send_text(pair.one, "done");
  EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(read_file("directory/file"), "outside");
}

// A file that was opened inside is closed by leave, wherever its descriptor came from.
TEST_F(ContainerSockets, FilesOfAResidentAreClosedByLeave) {
  write_file("file", "text");
  SocketPair pair;
  Box box;
  const pid_t resident = box.start_resident([&] {
    const Descriptor file = open_file("file", O_RDONLY);
    EXPECT_EQ(pass_files(pair.one, {file}), 1);
  });
  EXPECT_TRUE(reap(resident).exited(0));
  EXPECT_CHILD({
    ASSERT_OK(join_container(box.id()));
    const Received got = receive_control(pair.other);
    ASSERT_EQ(got.files.size(), 1u);
    EXPECT_OK(fcntl(got.files[0], F_GETFD));
    ASSERT_OK(leave_container());
    EXPECT_ERRNO(EBADF, fcntl(got.files[0], F_GETFD));
  });
}

// --- credentials -----------------------------------------------------------------------------------------------------

TEST_F(ContainerSockets, PidsAreTheReceivers) {
  SocketPair pair;
  ASSERT_OK(set_option(pair.one, SO_PASSCRED, 1));
  ASSERT_OK(set_option(pair.other, SO_PASSCRED, 1));
  Box box;
  const pid_t pid = box.start_resident([&] {
    EXPECT_EQ(send_text(pair.other, std::to_string(getpid())), static_cast<ssize_t>(std::to_string(getpid()).size()));
    const Received got = receive_control(pair.other);
    EXPECT_EQ(got.text, "from outside");
    ASSERT_TRUE(got.has_credentials);
    EXPECT_EQ(got.credentials.pid, 0);
    ucred said{.pid = getpid(), .uid = 0, .gid = 0};
    EXPECT_EQ(send_control(pair.other, "x", {.credentials = &said}), 1);
  });
  Received got = receive_control(pair.one);
  ASSERT_TRUE(got.has_credentials);
  EXPECT_GT(got.credentials.pid, 0);
  EXPECT_NE(got.credentials.pid, getpid());
  EXPECT_NE(std::to_string(got.credentials.pid), got.text);  // it has another number inside
  const pid_t sender = got.credentials.pid;
  send_text(pair.one, "from outside");
  got = receive_control(pair.one);
  EXPECT_EQ(got.credentials.pid, sender);
  EXPECT_TRUE(reap(pid).exited(0));
}

// --- limits ----------------------------------------------------------------------------------------------------------

// To who sends, even if who receives is outside. (Sockets, messages and connections by themselves: memory_bombs_test.cpp.)
TEST_F(ContainerSockets, WhatIsUnderWayIsCharged) {
  Box box;
  box.set_limit(ContainerLimit::Kind::memory, 16 << 20);
  SocketPair outside;
  static char block[60'000];
  const Ending ending = run([&]() -> int {
    if (set_option(outside.one, SO_SNDBUFFORCE, 1 << 29) != 0 || join_container(box.id()) != 0) return 1;
    long total = 0;
    for (ssize_t sent; (sent = send(outside.one, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0;) total += sent;
    // At the limit there is no memory for anything else.
    _exit(errno == ENOMEM && total > 4 << 20 && total < 16 << 20 ? 0 : 2);
  });
  EXPECT_TRUE(ending.exited(0)) << ending;
  EXPECT_EQ(receive_text(outside.other, 10).size(), 10u);
  EXPECT_GT(box.stat().memory, 4u << 20);
  outside.other.close();
  EXPECT_LT(box.stat().memory, 1u << 20);
}

TEST_F(ContainerSockets, FilesUnderWayCountAsOpenFiles) {
  Box box;
  SocketPair pair;
  box.set_limit(ContainerLimit::Kind::open_files, 40);
  EXPECT_INSIDE(box, {
    ssize_t sent;
    int passed = 0;
    while ((sent = pass_files(pair.one, {0, 0, 0, 0})) > 0 && passed < 1000) passed += 4;
    EXPECT_EQ(errno, ETOOMANYREFS);
    EXPECT_LT(passed, 40);
    EXPECT_GT(passed, 8);
    EXPECT_EQ(receive_control(pair.other).files.size(), 4u);
    EXPECT_EQ(pass_files(pair.one, {0, 0, 0, 0}), 1);
  });
  pair.one.close();
  while (receive_control(pair.other).size > 0) {
  }
  EXPECT_EQ(box.limit(ContainerLimit::Kind::open_files).current, 0u);
}

// --- nothing is left -------------------------------------------------------------------------------------------------

// One of everything, left as it is: the end of the process and of the container clears it away.
void leave_everything_behind() {
  static int bound[64];
  const std::string name = own_abstract_name("left");
  const Descriptor listener = listen_at(name);
  const Descriptor by_path = listen_at("left", SOCK_SEQPACKET);
  bound[0] = connected_to(name).release();
  bound[1] = connected_to("left", SOCK_SEQPACKET).release();
  pass_files(bound[0], {bound[1], listener});
  SocketPair pair, other;
  send_text(pair.one, std::string(100'000, 'x'), MSG_DONTWAIT);
  pass_files(pair.one, {other.one, listener});
  pass_files(other.other, {by_path});
  pass_files(pair.other, {pair.one, pair.other});
  if (fork() == 0) pause();
  const Descriptor server(accept(listener, nullptr, nullptr));
  pass_files(server, {pair.one});
}

TEST_F(ContainerSockets, NothingIsLeftAfterDestroy) {
  const auto story = [] {
    Box box;
    EXPECT_INSIDE(box, leave_everything_behind());
    box.destroy();
  };
  for (int i = 0; i < 20; ++i) story();
  const ObjectCounts before = count_objects();
  for (int i = 0; i < times(200); ++i) story();
  EXPECT_TRUE(wait_until([&] { return growth(lasting(before), lasting(count_objects())).empty(); }))
      << growth(before, count_objects());
}

TEST_F(ContainerSockets, NothingIsLeftOfRefusals) {
  const auto story = [] {
    SocketPair pair;
    pass_files(pair.one, {pair.other});
    pass_files(pair.one, {pair.one, -1});
    SocketPair chain[12];
    for (int i = 0; i + 1 < 12; ++i) pass_files(chain[i].one, {chain[i + 1].other});
    for (int i = 11; i > 0; --i) pass_files(chain[i].one, {chain[i - 1].other});
  };
  for (int i = 0; i < 20; ++i) story();
  const ObjectCounts before = count_objects();
  for (int i = 0; i < times(200); ++i) story();
  EXPECT_TRUE(wait_until([&] { return growth(lasting(before), lasting(count_objects())).empty(); }))
      << growth(before, count_objects());
}

}  // namespace
}  // namespace cv6::guest
