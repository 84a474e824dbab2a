// Sockets under many threads and processes at once: nothing is lost, nobody sleeps for ever.

#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "support/child.hpp"
#include "support/soak.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

class SocketRaces : public TempDir {};

// A close or shutdown of either end while others send, receive and poll.
TEST_F(SocketRaces, EndsWhileOthersUseIt) {
  for (int round = 0; round < times(60); ++round) {
    SocketPair pair(round % 3 == 0 ? SOCK_STREAM : round % 3 == 1 ? SOCK_DGRAM : SOCK_SEQPACKET);
    std::vector<pid_t> children;
    for (int i = 0; i < 3; ++i)
      children.push_back(spawn([&, i] {
        signal(SIGPIPE, SIG_IGN);
        pair.other.close();
        char bytes[300] = {};
        for (int n = 0; n < 30; ++n)
          if (i == 0)
            send(pair.one, bytes, sizeof bytes, MSG_DONTWAIT);
          else if (i == 1)
            recv(pair.one, bytes, sizeof bytes, MSG_DONTWAIT);
          else
            ready_events(pair.one);
        return 0;
      }));
    pair.one.close();
    std::thread answering([&] {
      for (int n = 0; n < 20; ++n) send_text(pair.other, "answer", MSG_DONTWAIT | MSG_NOSIGNAL);
      if (round % 2) shutdown(pair.other, SHUT_RDWR);
    });
    answering.join();
    pair.other.close();
    for (const pid_t child : children) EXPECT_TRUE(reap(child).exited(0));
  }
}

TEST_F(SocketRaces, CloseWakesAllReaders) {
  for (int round = 0; round < times(30); ++round) {
    SocketPair pair;
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i)
      children.push_back(spawn([&] {
        pair.one.close();
        return receive_text(pair.other).empty() ? 0 : 1;
      }));
    pair.other.close();
    pair.one.close();
    for (const pid_t child : children) EXPECT_TRUE(reap(child).exited(0));
  }
}

// Connections are made, accepted and dropped while the listening socket comes and goes.
TEST_F(SocketRaces, ListenersThatComeAndGo) {
  const std::string name = own_abstract_name("gone");
  std::atomic<bool> over{false};
  std::vector<std::thread> clients;
  std::atomic<int> connected{0};
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] {
      while (!over) {
        const Descriptor client = make_socket();
        if (connect_to(client, name) != 0) {
          EXPECT_EQ(errno, ECONNREFUSED);
          sched_yield();
          continue;
        }
        ++connected;
        if (send_text(client, "hello") < 0) EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET) << errno;
        const std::string answer = receive_text(client);
        EXPECT_TRUE(answer == "hello" || answer.empty() || answer == "?ECONNRESET") << answer;
      }
    });
  for (int round = 0; round < times(40); ++round) {
    const Descriptor listener = listen_at(name, SOCK_STREAM, 1);
    for (int i = 0; i < 3; ++i) {
      const Descriptor server(accept(listener, nullptr, nullptr));
      const std::string text = receive_text(server);
      if (i != 1) send_text(server, text);
    }
  }
  over = true;
  // Who waits for room at the last one has been refused by its end.
  for (std::thread& client : clients) client.join();
  EXPECT_GT(connected, 0);
}

// Files go round between processes, sockets among them.
TEST_F(SocketRaces, FilesGoRound) {
  SocketPair ring[3];
  std::vector<pid_t> children;
  const int rounds = times(200);
  for (int i = 0; i < 3; ++i)
    children.push_back(spawn([&, i] {
      for (int round = 0; round < rounds; ++round) {
        const Received got = receive_control(ring[i].other);
        if (got.files.size() != 2) return 1;
        if (pass_files(ring[(i + 1) % 3].one, {got.files[0], got.files[1]}) != 1) return 2;
      }
      return 0;
    }));
  SocketPair passed;
  EXPECT_EQ(pass_files(ring[0].one, {passed.one, passed.other}), 1);
  for (const pid_t child : children) EXPECT_TRUE(reap(child).exited(0));
  const Received last = receive_control(ring[0].other);
  ASSERT_EQ(last.files.size(), 2u);
  send_text(last.files[0], "round");
  EXPECT_EQ(receive_text(passed.other), "round");
}

// Threads of one process connect one socket, bind one socket, and one of them is right.
TEST_F(SocketRaces, OneOfManyIsRight) {
  const Descriptor listener = listen_at("s", SOCK_STREAM, 100);
  for (int round = 0; round < times(30); ++round) {
    const Descriptor socket = make_socket();
    std::atomic<int> connected{0}, bound{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&, i] {
        const std::string name = own_abstract_name("one" + std::to_string(i));
        if (bind_to(socket, name) == 0) ++bound;
        else EXPECT_EQ(errno, EINVAL);
        if (connect_to(socket, "s") == 0) ++connected;
        else EXPECT_EQ(errno, EISCONN);
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(connected, 1);
    EXPECT_EQ(bound, 1);
    const Descriptor server(accept(listener, nullptr, nullptr));
    EXPECT_EQ(ready_events(listener), 0);
  }
}

TEST_F(SocketRaces, PollWaitsForBothDirections) {
  SocketPair pair(SOCK_STREAM | SOCK_NONBLOCK);
  const pid_t pid = spawn_checked([&] {
    pollfd one{pair.one, POLLIN, 0};
    EXPECT_EQ(poll(&one, 1, -1), 1);
    EXPECT_EQ(receive_text(pair.one), "in");
    while (send_text(pair.one, std::string(5000, 'f'), MSG_DONTWAIT) > 0) {
    }
    send_text(pair.other, "x");  // to tell: full
    one = {pair.one, POLLOUT, 0};
    EXPECT_EQ(poll(&one, 1, -1), 1);
  });
  send_text(pair.other, "in");
  ASSERT_TRUE(wait_until([&] { return receive_text(pair.one, 1, MSG_PEEK) == "x"; }));
  ASSERT_TRUE(wait_until_blocked(pid));
  while (receive_text(pair.other, 60'000).size() > 20) {
  }
  EXPECT_TRUE(reap(pid).exited(0));
}

}  // namespace
}  // namespace cv6::guest
