// Names and connections: bind, listen, connect, accept, and what each refuses.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "support/child.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class SocketNames : public TempDir {};

std::string terminated(std::string_view path) { return std::string(path) + std::string(1, '\0'); }

std::string sender_by(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  char byte;
  if (recvfrom(fd, &byte, 1, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&address), &size) != 1) return "?";
  return {address.sun_path, size - offsetof(sockaddr_un, sun_path)};
}

TEST_F(SocketNames, AreRememberedByThePeersOfWhoIsGone) {
  const std::string name = own_abstract_name("gone");
  for (const std::string& own : {name, std::string("sender")}) {
    const Descriptor receiver = make_socket(SOCK_DGRAM);
    ASSERT_OK(bind_to(receiver, "receiver"));
    Descriptor sender = make_socket(SOCK_DGRAM);
    ASSERT_OK(bind_to(sender, own));
    ASSERT_OK(connect_to(sender, "receiver"));
    ASSERT_OK(connect_to(receiver, own));
    EXPECT_EQ(send_text(sender, "x"), 1);
    const std::string known = name_by(getsockname, sender);
    sender.close();
    EXPECT_EQ(sender_by(receiver), known);
    EXPECT_EQ(name_by(getpeername, receiver), known);
    EXPECT_ERRNO(ECONNREFUSED, connect_to(make_socket(SOCK_DGRAM), own));
    ASSERT_OK(unlink("receiver"));
  }
  EXPECT_OK(bind_to(make_socket(SOCK_DGRAM), name)) << "the name is free";
}

TEST_F(SocketNames, ConnectionsRememberTheirPeersNames) {
  const std::string name = own_abstract_name("listener"), own = own_abstract_name("client");
  Descriptor listener = listen_at(name);
  Descriptor client = make_socket();
  ASSERT_OK(bind_to(client, own));
  ASSERT_OK(connect_to(client, name));
  Descriptor server(accept(listener, nullptr, nullptr));
  ASSERT_OK(server.get());
  listener.close();
  EXPECT_EQ(name_by(getpeername, client), name);
  client.close();
  EXPECT_EQ(name_by(getpeername, server), own);
  EXPECT_EQ(name_by(getsockname, server), name);
  EXPECT_EQ(receive_text(server), "");
  EXPECT_OK(bind_to(make_socket(), own));
}

TEST_F(SocketNames, ConnectionByPath) {
  const Descriptor listener = listen_at("s");
  struct stat status{};
  ASSERT_OK(stat("s", &status));
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0755u);  // umask 022
  EXPECT_EQ(ready_events(listener), 0);
  const Descriptor client = connected_to("s");
  EXPECT_EQ(ready_events(listener), POLLIN);
  EXPECT_EQ(send_text(client, "early"), 5);
  const Descriptor server(accept(listener, nullptr, nullptr));
  ASSERT_OK(server.get());
  EXPECT_EQ(receive_text(server), "early");
  EXPECT_EQ(send_text(server, "answer"), 6);
  EXPECT_EQ(receive_text(client), "answer");
  EXPECT_EQ(name_by(getsockname, listener), terminated("s"));
  EXPECT_EQ(name_by(getsockname, server), terminated("s"));
  EXPECT_EQ(name_by(getpeername, client), terminated("s"));
  EXPECT_EQ(name_by(getsockname, client), "");
  EXPECT_EQ(name_by(getpeername, server), "");
  EXPECT_EQ(option_of(listener, SO_ACCEPTCONN), 1);
  EXPECT_EQ(option_of(server, SO_ACCEPTCONN), 0);
}

TEST_F(SocketNames, ConnectionByAbstractName) {
  const std::string name = own_abstract_name("connection");
  const Descriptor listener = listen_at(name);
  const Descriptor client = connected_to(name);
  const Descriptor server(accept(listener, nullptr, nullptr));
  ASSERT_OK(server.get());
  EXPECT_EQ(name_by(getpeername, client), name);
  EXPECT_EQ(send_text(client, "x"), 1);
  EXPECT_EQ(receive_text(server), "x");
  const Descriptor longer = make_socket();
  EXPECT_ERRNO(ECONNREFUSED, connect_to(longer, name + std::string(1, '\0')));  // every byte counts
}

TEST_F(SocketNames, AbstractNamesAreFreeWhenClosed) {
  const std::string name = own_abstract_name("freed");
  Descriptor first = listen_at(name);
  const Descriptor second = make_socket();
  EXPECT_ERRNO(EADDRINUSE, bind_to(second, name));
  first.close();
  EXPECT_OK(bind_to(second, name));
}

TEST_F(SocketNames, PathsStayUntilUnlinked) {
  Descriptor first = listen_at("s");
  const Descriptor second = make_socket();
  EXPECT_ERRNO(EADDRINUSE, bind_to(second, "s"));
  first.close();
  EXPECT_ERRNO(EADDRINUSE, bind_to(second, "s"));
  EXPECT_ERRNO(ECONNREFUSED, connect_to(second, "s"));
  EXPECT_OK(unlink("s"));
  EXPECT_OK(bind_to(second, "s"));
}

TEST_F(SocketNames, ASocketMovesWithItsFile) {
  const Descriptor listener = listen_at("s");
  EXPECT_OK(rename("s", "t"));
  EXPECT_OK(link("t", "u"));
  EXPECT_OK(symlink("u", "v"));
  for (const char* path : {"t", "u", "v"}) EXPECT_OK(connected_to(path).get());
  EXPECT_EQ(name_by(getsockname, listener), terminated("s"));
  EXPECT_OK(unlink("t"));
  EXPECT_OK(unlink("u"));
  const Descriptor late = make_socket();
  EXPECT_ERRNO(ENOENT, connect_to(late, "t"));
}

TEST_F(SocketNames, WhatBindRefuses) {
  const Descriptor socket = make_socket();
  SocketAddress address("s");
  EXPECT_ERRNO(EINVAL, bind(socket, address.get(), 1));
  EXPECT_ERRNO(EINVAL, bind(socket, address.get(), sizeof address.address + 1));
  EXPECT_ERRNO(EINVAL, bind(socket, address.get(), -1));
  EXPECT_ERRNO(EFAULT, bind(socket, reinterpret_cast<sockaddr*>(16), 10));
  address.address.sun_family = AF_INET;
  EXPECT_ERRNO(EINVAL, bind(socket, address.get(), address.size));
  EXPECT_ERRNO(ENOENT, bind_to(socket, "none/s"));
  write_file("file", "");
  EXPECT_ERRNO(ENOTDIR, bind_to(socket, "file/s"));
  EXPECT_ERRNO(EADDRINUSE, bind_to(socket, "file"));
  EXPECT_OK(bind_to(socket, "s"));
  EXPECT_ERRNO(EINVAL, bind_to(socket, "t"));
  EXPECT_FALSE(exists("t"));
}

TEST_F(SocketNames, LongestPath) {
  const std::string name(108, 'l');  // without a NUL
  const Descriptor listener = make_socket();
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  memcpy(address.sun_path, name.data(), name.size());
  ASSERT_OK(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ASSERT_OK(listen(listener, 1));
  EXPECT_TRUE(exists(name));
  char told[200] = {};
  socklen_t size = sizeof told;
  ASSERT_OK(getsockname(listener, reinterpret_cast<sockaddr*>(told), &size));
  EXPECT_EQ(size, 2 + 108 + 1u);
  const Descriptor client = make_socket();
  EXPECT_OK(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

TEST_F(SocketNames, WhatListenRefuses) {
  const Descriptor unbound = make_socket();
  EXPECT_ERRNO(EINVAL, listen(unbound, 1));
  const Descriptor datagrams = make_socket(SOCK_DGRAM);
  EXPECT_OK(bind_to(datagrams, "d"));
  EXPECT_ERRNO(EOPNOTSUPP, listen(datagrams, 1));
  SocketPair pair;
  EXPECT_ERRNO(EINVAL, listen(pair.one, 1));
}

TEST_F(SocketNames, WhatAcceptRefuses) {
  const Descriptor fresh = make_socket();
  EXPECT_ERRNO(EINVAL, accept(fresh, nullptr, nullptr));
  const Descriptor datagrams = make_socket(SOCK_DGRAM);
  EXPECT_ERRNO(EOPNOTSUPP, accept(datagrams, nullptr, nullptr));
  const Descriptor listener = listen_at("s", SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_ERRNO(EAGAIN, accept(listener, nullptr, nullptr));
  EXPECT_ERRNO(EINVAL, accept4(listener, nullptr, nullptr, 1));
  EXPECT_ERRNO(EINVAL, connect_to(listener, "s"));
}

TEST_F(SocketNames, AcceptedDescriptors) {
  const Descriptor listener = listen_at("s", SOCK_STREAM | SOCK_NONBLOCK);
  const Descriptor one = connected_to("s"), two = connected_to("s");
  const Descriptor plain(accept(listener, nullptr, nullptr));
  EXPECT_EQ(fcntl(plain, F_GETFL), O_RDWR);
  EXPECT_EQ(fcntl(plain, F_GETFD), 0);
  const Descriptor other(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_EQ(fcntl(other, F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(fcntl(other, F_GETFD), FD_CLOEXEC);
}

TEST_F(SocketNames, AcceptTellsTheName) {
  const Descriptor listener = listen_at("s");
  const Descriptor nameless = connected_to("s");
  sockaddr_un address;
  socklen_t size = sizeof address;
  Descriptor server(accept(listener, reinterpret_cast<sockaddr*>(&address), &size));
  EXPECT_EQ(size, 2u);
  EXPECT_EQ(address.sun_family, AF_UNIX);
  const Descriptor named = make_socket();
  ASSERT_OK(bind_to(named, "client"));
  ASSERT_OK(connect_to(named, "s"));
  size = 6;
  memset(&address, 'x', sizeof address);
  Descriptor second(accept(listener, reinterpret_cast<sockaddr*>(&address), &size));
  EXPECT_EQ(size, 2 + 6 + 1u);
  EXPECT_EQ(std::string_view(address.sun_path, 5), "cliex");  // cut
  size = static_cast<socklen_t>(-1);
  EXPECT_ERRNO(EINVAL, getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size));
  EXPECT_ERRNO(EFAULT, getsockname(listener, reinterpret_cast<sockaddr*>(&address), nullptr));
}

TEST_F(SocketNames, WhatConnectRefuses) {
  const Descriptor client = make_socket();
  EXPECT_ERRNO(ENOENT, connect_to(client, "none"));
  EXPECT_ERRNO(ECONNREFUSED, connect_to(client, own_abstract_name("none")));
  write_file("file", "");
  EXPECT_ERRNO(ECONNREFUSED, connect_to(client, "file"));
  const Descriptor bound = make_socket();
  ASSERT_OK(bind_to(bound, "b"));
  EXPECT_ERRNO(ECONNREFUSED, connect_to(client, "b"));  // does not listen
  const Descriptor listener = listen_at("s");
  const Descriptor datagrams = make_socket(SOCK_DGRAM);
  EXPECT_ERRNO(EPROTOTYPE, connect_to(datagrams, "s"));
  SocketAddress address("s");
  address.address.sun_family = AF_UNSPEC;
  EXPECT_ERRNO(EINVAL, connect(client, address.get(), address.size));
  EXPECT_OK(connect_to(client, "s"));
  EXPECT_ERRNO(EISCONN, connect_to(client, "s"));
  EXPECT_ERRNO(ENOTCONN, getpeername(bound, nullptr, nullptr));
}

TEST_F(SocketNames, PermissionIsToWrite) {
  const Descriptor listener = listen_at("s");
  ASSERT_OK(chmod(".", 0755));
  ASSERT_OK(chmod("s", 0755));
  EXPECT_CHILD({
    ASSERT_OK(setuid(lonely_user()));
    const Descriptor client = make_socket();
    EXPECT_ERRNO(EACCES, connect_to(client, "s"));
    EXPECT_ERRNO(EACCES, bind_to(client, "t"));
  });
  ASSERT_OK(chmod("s", 0722));
  EXPECT_CHILD({
    ASSERT_OK(setuid(lonely_user()));
    EXPECT_OK(connected_to("s").get());
  });
}

TEST_F(SocketNames, AFullBacklogRefusesOrWaits) {
  const Descriptor listener = listen_at("s", SOCK_STREAM, 1);
  const Descriptor one = connected_to("s"), two = connected_to("s");
  const Descriptor third = make_socket(SOCK_STREAM | SOCK_NONBLOCK);
  EXPECT_ERRNO(EAGAIN, connect_to(third, "s"));
  const pid_t pid = spawn_checked([&] {
    const Descriptor client = connected_to("s");
    EXPECT_EQ(receive_text(client), "welcome");
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  std::vector<Descriptor> servers;
  for (int i = 0; i < 3; ++i) servers.emplace_back(accept(listener, nullptr, nullptr));
  send_text(servers[2], "welcome");
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(SocketNames, TheListenersEndRefusesWhoWaits) {
  Descriptor listener = listen_at("s", SOCK_STREAM, 0);
  const Descriptor pending = connected_to("s");
  const pid_t pid = spawn_checked([&] {
    listener.close();
    const Descriptor client = make_socket();
    EXPECT_ERRNO(ECONNREFUSED, connect_to(client, "s"));
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  listener.close();
  EXPECT_TRUE(reap(pid).exited(0));
  EXPECT_EQ(receive_text(pending), "?ECONNRESET");
  EXPECT_EQ(receive_text(pending), "");
}

TEST_F(SocketNames, AcceptWaitsForAConnection) {
  const Descriptor listener = listen_at("s");
  const pid_t pid = spawn_checked([&] {
    const Descriptor server(accept(listener, nullptr, nullptr));
    EXPECT_OK(server.get());
    EXPECT_EQ(receive_text(server), "hello");
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  const Descriptor client = connected_to("s");
  send_text(client, "hello");
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_F(SocketNames, ShutdownEndsAccept) {
  const Descriptor listener = listen_at("s");
  std::atomic<pid_t> id{0};
  std::thread waiting([&] {
    id = gettid();
    EXPECT_ERRNO(EINVAL, accept(listener, nullptr, nullptr));
  });
  ASSERT_TRUE(wait_until([&] { return id != 0; }));
  ASSERT_TRUE(wait_until_blocked(id));
  EXPECT_OK(shutdown(listener, SHUT_RD));
  waiting.join();
  fcntl(listener, F_SETFL, O_NONBLOCK);
  EXPECT_ERRNO(EAGAIN, accept(listener, nullptr, nullptr));
  const Descriptor client = make_socket();
  EXPECT_ERRNO(ECONNREFUSED, connect_to(client, "s"));
}

TEST_F(SocketNames, AcceptWithoutADescriptorKeepsTheConnection) {
  const Descriptor listener = listen_at("s", SOCK_STREAM | SOCK_NONBLOCK);
  const Descriptor client = connected_to("s");
  EXPECT_CHILD({
    rlimit few{};
    few.rlim_cur = 3;
    few.rlim_max = 1000;
    ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
    EXPECT_ERRNO(EMFILE, accept(listener, nullptr, nullptr));
  });
  const Descriptor server(accept(listener, nullptr, nullptr));
  ASSERT_OK(server.get());
  send_text(client, "kept");
  EXPECT_EQ(receive_text(server), "kept");
}

TEST_F(SocketNames, Autobind) {
  const Descriptor socket = make_socket();
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_OK(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)));
  const std::string name = name_by(getsockname, socket);
  ASSERT_EQ(name.size(), 6u);
  EXPECT_EQ(name[0], '\0');
  EXPECT_EQ(name.find_first_not_of("0123456789abcdef", 1), std::string::npos);
  ASSERT_OK(listen(socket, 1));
  EXPECT_OK(connected_to(name).get());
  const Descriptor another = make_socket();
  ASSERT_OK(bind(another, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)));
  EXPECT_NE(name_by(getsockname, another), name);
}

TEST_F(SocketNames, ManyConnectAtOnce) {
  const Descriptor listener = listen_at("s", SOCK_STREAM, 2);
  constexpr int clients = 6, rounds = 40;
  std::vector<pid_t> children;
  for (int i = 0; i < clients; ++i)
    children.push_back(spawn_checked([&] {
      for (int round = 0; round < rounds; ++round) {
        const Descriptor client = connected_to("s");
        EXPECT_EQ(send_text(client, "q"), 1);
        EXPECT_EQ(receive_text(client), "a");
      }
    }));
  const auto serve = [&] {
    for (int i = 0; i < clients * rounds / 2; ++i) {
      const Descriptor server(accept(listener, nullptr, nullptr));
      EXPECT_EQ(receive_text(server), "q");
      EXPECT_EQ(send_text(server, "a"), 1);
    }
  };
  std::thread other(serve);
  serve();
  other.join();
  for (const pid_t pid : children) EXPECT_TRUE(reap(pid).exited(0));
}

}  // namespace
}  // namespace cv6::guest
