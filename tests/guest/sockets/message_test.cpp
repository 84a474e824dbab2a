// Sockets that keep messages apart: SOCK_DGRAM and SOCK_SEQPACKET.

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <thread>

#include "support/child.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class SocketMessages : public TempDir, public testing::WithParamInterface<int> {
 protected:
  int type() const { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Both, SocketMessages, testing::Values(SOCK_DGRAM, SOCK_SEQPACKET));

ssize_t send_named(int fd, std::string_view text, std::string_view name) {
  const SocketAddress address(name);
  return sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, address.get(), address.size);
}

TEST_P(SocketMessages, StayApart) {
  SocketPair pair(type());
  EXPECT_EQ(send_text(pair.one, "first"), 5);
  EXPECT_EQ(send_text(pair.one, ""), 0);
  EXPECT_EQ(send_text(pair.one, "third"), 5);
  EXPECT_EQ(receive_text(pair.other), "first");
  EXPECT_EQ(receive_text(pair.other), "");
  EXPECT_EQ(receive_text(pair.other), "third");
  EXPECT_EQ(receive_text(pair.other, 10, MSG_DONTWAIT), "?EAGAIN");
}

TEST_P(SocketMessages, EmptyOnes) {
  SocketPair pair(type());
  EXPECT_EQ(write(pair.one, "", 0), 0);
  EXPECT_EQ(receive_text(pair.other, 10, MSG_DONTWAIT), "");
  iovec nothing{nullptr, 0};
  EXPECT_EQ(writev(pair.one, &nothing, 1), 0);  // sends none
  EXPECT_EQ(receive_text(pair.other, 10, MSG_DONTWAIT), "?EAGAIN");
}

TEST_P(SocketMessages, AreCut) {
  SocketPair pair(type());
  send_text(pair.one, "abcdef");
  send_text(pair.one, "next");
  EXPECT_EQ(receive_text(pair.other, 3, MSG_PEEK), "abc");
  char bytes[3];
  EXPECT_EQ(recv(pair.other, bytes, sizeof bytes, MSG_PEEK | MSG_TRUNC), 6);
  const Received cut = receive_control(pair.other, 3);
  EXPECT_EQ(cut.text, "abc");
  EXPECT_EQ(cut.flags, MSG_TRUNC);
  const Received whole = receive_control(pair.other, 100);
  EXPECT_EQ(whole.text, "next");
  EXPECT_EQ(whole.flags, 0);
}

TEST_P(SocketMessages, LargestMessage) {
  SocketPair pair(type());
  const std::string large(150'000, 'l');
  EXPECT_EQ(send_text(pair.one, large), 150'000);
  EXPECT_EQ(receive_text(pair.other, 200'000), large);
  EXPECT_ERRNO(EMSGSIZE, send_text(pair.one, std::string(300'000, 'l')));
  ASSERT_OK(set_option(pair.one, SO_SNDBUF, 5000));
  EXPECT_EQ(option_of(pair.one, SO_SNDBUF), 10'000);
  EXPECT_ERRNO(EMSGSIZE, send_text(pair.one, std::string(10'000, 'l')));
}

TEST_P(SocketMessages, ReceiverSleeps) {
  SocketPair pair(type());
  const pid_t pid = spawn_checked([&] { EXPECT_EQ(receive_text(pair.other), "woken"); });
  ASSERT_TRUE(wait_until_blocked(pid));
  send_text(pair.one, "woken");
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_P(SocketMessages, SenderSleeps) {
  SocketPair pair(type());
  constexpr int count = 2000;
  const pid_t pid = spawn_checked([&] {
    for (int i = 0; i < count; ++i) EXPECT_EQ(send_text(pair.one, std::string(1000, 'm')), 1000);
  });
  ASSERT_TRUE(wait_until_blocked(pid));
  EXPECT_EQ(ready_events(pair.one), 0);
  for (int i = 0; i < count; ++i) ASSERT_EQ(receive_text(pair.other, 2000).size(), 1000u);
  EXPECT_TRUE(reap(pid).exited(0));
}

TEST_P(SocketMessages, BadMemoryLosesTheMessage) {
  SocketPair pair(type());
  void* bad = reinterpret_cast<void*>(16);
  EXPECT_ERRNO(EFAULT, write(pair.one, bad, 10));
  send_text(pair.one, "lost");
  send_text(pair.one, "kept");
  EXPECT_ERRNO(EFAULT, read(pair.other, bad, 10));
  EXPECT_EQ(receive_text(pair.other), "kept");
}

TEST_P(SocketMessages, FileIoctls) {
  SocketPair pair(type());
  send_text(pair.one, "abc");
  send_text(pair.one, "defg");
  int there = 0;
  ASSERT_OK(ioctl(pair.other, FIONREAD, &there));
  EXPECT_EQ(there, type() == SOCK_DGRAM ? 3 : 7);
}

TEST_P(SocketMessages, ManySendersAndReceivers) {
  SocketPair pair(type());
  constexpr int senders = 4, receivers = 3, messages = 1000;
  std::vector<std::thread> threads;
  std::atomic<int> received{0};
  std::atomic<int> wrong{0};
  for (int s = 0; s < senders; ++s)
    threads.emplace_back([&, s] {
      for (int i = 0; i < messages; ++i) send_text(pair.one, std::string(1 + (i + s) % 300, static_cast<char>('a' + s)));
    });
  for (int r = 0; r < receivers; ++r)
    threads.emplace_back([&] {
      for (std::string text; (text = receive_text(pair.other, 1000)) != "!";) {
        ++received;
        if (text.find_first_not_of(text[0]) != std::string::npos) ++wrong;
      }
    });
  for (int s = 0; s < senders; ++s) threads[s].join();
  for (int r = 0; r < receivers; ++r) send_text(pair.one, "!");
  for (int r = 0; r < receivers; ++r) threads[senders + r].join();
  EXPECT_EQ(received, senders * messages);
  EXPECT_EQ(wrong, 0);
}

// --- datagrams -------------------------------------------------------------------------------------------------------

class SocketDatagrams : public TempDir {};

TEST_F(SocketDatagrams, ToNames) {
  const Descriptor receiver = make_socket(SOCK_DGRAM), sender = make_socket(SOCK_DGRAM);
  ASSERT_OK(bind_to(receiver, "r"));
  EXPECT_EQ(send_named(sender, "nameless", "r"), 8);
  ASSERT_OK(bind_to(sender, "s"));
  EXPECT_EQ(send_named(sender, "named", "r"), 5);
  char bytes[100];
  sockaddr_un from{};
  socklen_t size = sizeof from;
  EXPECT_EQ(recvfrom(receiver, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size), 8);
  // The name that the sender has now: Linux tells it so, too.
  EXPECT_EQ(size, 2 + 1 + 1u);
  size = sizeof from;
  EXPECT_EQ(recvfrom(receiver, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size), 5);
  EXPECT_STREQ(from.sun_path, "s");
  EXPECT_ERRNO(ENOENT, send_named(sender, "x", "none"));
  EXPECT_ERRNO(ECONNREFUSED, send_named(sender, "x", own_abstract_name("none")));
  EXPECT_ERRNO(ENOTCONN, send_text(sender, "x"));
  EXPECT_ERRNO(ENOTCONN, write(sender, "x", 1));
  const Descriptor stream = make_socket();
  ASSERT_OK(bind_to(stream, "stream"));
  EXPECT_ERRNO(EPROTOTYPE, send_named(sender, "x", "stream"));
}

TEST_F(SocketDatagrams, NamelessSender) {
  const Descriptor receiver = make_socket(SOCK_DGRAM), sender = make_socket(SOCK_DGRAM);
  ASSERT_OK(bind_to(receiver, "r"));
  send_named(sender, "nameless", "r");
  char bytes[100];
  sockaddr_un from{};
  socklen_t size = sizeof from;
  EXPECT_EQ(recvfrom(receiver, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size), 8);
  EXPECT_EQ(size, 0u);
}

TEST_F(SocketDatagrams, Connected) {
  const Descriptor receiver = make_socket(SOCK_DGRAM), sender = make_socket(SOCK_DGRAM), third = make_socket(SOCK_DGRAM);
  ASSERT_OK(bind_to(receiver, "r"));
  ASSERT_OK(bind_to(sender, "s"));
  ASSERT_OK(connect_to(sender, "r"));
  EXPECT_EQ(send_text(sender, "x"), 1);
  EXPECT_EQ(receive_text(receiver), "x");
  EXPECT_ERRNO(ENOTCONN, send_text(receiver, "back"));
  // Whoever is connected hears only that one.
  EXPECT_ERRNO(EPERM, send_named(third, "x", "s"));
  EXPECT_ERRNO(EPERM, connect_to(third, "s"));
  EXPECT_EQ(send_named(receiver, "back", "s"), 4);
  EXPECT_EQ(receive_text(sender), "back");
  sockaddr none{.sa_family = AF_UNSPEC, .sa_data = {}};
  ASSERT_OK(connect(sender, &none, sizeof none));
  EXPECT_ERRNO(ENOTCONN, send_text(sender, "x"));
  EXPECT_EQ(send_named(third, "now", "s"), 3);
  EXPECT_EQ(receive_text(sender), "now");
}

TEST_F(SocketDatagrams, ReceiverThatIsGone) {
  Descriptor receiver = make_socket(SOCK_DGRAM);
  const Descriptor sender = make_socket(SOCK_DGRAM);
  ASSERT_OK(bind_to(receiver, "r"));
  ASSERT_OK(connect_to(sender, "r"));
  receiver.close();
  EXPECT_ERRNO(ECONNREFUSED, write(sender, "x", 1));  // and no signal
  EXPECT_ERRNO(ENOTCONN, write(sender, "x", 1));
}

TEST_F(SocketDatagrams, Shutdown) {
  SocketPair pair(SOCK_DGRAM);
  ASSERT_OK(shutdown(pair.one, SHUT_RD));
  EXPECT_EQ(receive_text(pair.one), "");
  EXPECT_EQ(receive_text(pair.one, 10, MSG_DONTWAIT), "?EAGAIN");
  EXPECT_ERRNO(EPIPE, write(pair.other, "x", 1));  // without a signal
  ASSERT_OK(shutdown(pair.one, SHUT_WR));
  EXPECT_ERRNO(EPIPE, write(pair.one, "x", 1));
  EXPECT_EQ(ready_events(pair.one), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
  EXPECT_EQ(ready_events(pair.other), POLLOUT);
}

TEST_F(SocketDatagrams, FreshOnesCanBeWrittenTo) {
  const Descriptor fresh = make_socket(SOCK_DGRAM);
  EXPECT_EQ(ready_events(fresh), POLLOUT);
  EXPECT_EQ(receive_text(fresh, 10, MSG_DONTWAIT), "?EAGAIN");
  const Descriptor raw(socket(AF_UNIX, SOCK_RAW, 0));
  EXPECT_EQ(option_of(raw, SO_TYPE), SOCK_DGRAM);
}

// --- sequenced packets -----------------------------------------------------------------------------------------------

class SocketPackets : public TempDir {};

TEST_F(SocketPackets, Connection) {
  const Descriptor listener = listen_at("s", SOCK_SEQPACKET);
  Descriptor client = make_socket(SOCK_SEQPACKET);
  EXPECT_EQ(receive_text(client), "?ENOTCONN");
  EXPECT_ERRNO(ENOTCONN, send_text(client, "x"));
  ASSERT_OK(connect_to(client, "s"));
  const Descriptor server(accept(listener, nullptr, nullptr));
  send_text(client, "one");
  send_text(client, "two");
  EXPECT_EQ(receive_text(server), "one");
  EXPECT_EQ(receive_text(server), "two");
  EXPECT_EQ(send_named(client, "name does not count", "none"), 19);
  EXPECT_EQ(receive_text(server), "name does not count");
  client.close();
  EXPECT_EQ(receive_text(server), "");
  EXPECT_ERRNO(EPIPE, write(server, "x", 1));  // without a signal
}

TEST_F(SocketPackets, Reset) {
  SocketPair pair(SOCK_SEQPACKET);
  send_text(pair.one, "unread");
  pair.other.close();
  EXPECT_EQ(receive_text(pair.one), "?ECONNRESET");
  EXPECT_EQ(receive_text(pair.one, 10, MSG_DONTWAIT), "");
}

// --- many in one call ------------------------------------------------------------------------------------------------

TEST_F(SocketPackets, ManyInOneCall) {
  SocketPair pair(SOCK_SEQPACKET);
  const char* texts[] = {"a", "bb", "ccc"};
  mmsghdr messages[3]{};
  iovec pieces[3];
  for (int i = 0; i < 3; ++i) {
    pieces[i] = {const_cast<char*>(texts[i]), strlen(texts[i])};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_EQ(sendmmsg(pair.one, messages, 3, 0), 3);
  EXPECT_EQ(messages[1].msg_len, 2u);
  char bytes[5][10];
  mmsghdr received[5]{};
  iovec rooms[5];
  for (int i = 0; i < 5; ++i) {
    rooms[i] = {bytes[i], sizeof bytes[i]};
    received[i].msg_hdr.msg_iov = &rooms[i];
    received[i].msg_hdr.msg_iovlen = 1;
  }
  EXPECT_EQ(recvmmsg(pair.other, received, 5, MSG_WAITFORONE, nullptr), 3);
  EXPECT_EQ(received[2].msg_len, 3u);
  EXPECT_EQ(std::string_view(bytes[2], 3), "ccc");
  EXPECT_ERRNO(EAGAIN, recvmmsg(pair.other, received, 5, MSG_DONTWAIT, nullptr));
  timespec bad{0, 2'000'000'000};
  EXPECT_ERRNO(EINVAL, recvmmsg(pair.other, received, 5, 0, &bad));
}

}  // namespace
}  // namespace cv6::guest
