// Pseudo terminals that are closed while others use them, and that nothing is left of them.
#include <signal.h>
#include <sys/ioctl.h>

#include <atomic>
#include <thread>

#include "support/container.hpp"
#include "support/pty.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

// The other side of a race: goes on with `body` until it says no.
class Rival {
 public:
  explicit Rival(std::function<bool()> body)
      : thread_([this, body = std::move(body)] {
          running_ = true;
          while (body()) continue;
        }) {
    while (!running_) std::this_thread::yield();
  }
  ~Rival() { thread_.join(); }

 private:
  std::atomic<bool> running_{false};
  std::thread thread_;
};

TEST(PtyRaces, MasterClosesUnderReadersAndWriters) {
  for (int round = 0; round < 30; ++round) {
    Pty pty;
    Rival writer([&] { return write(pty.slave, "0123456789", 10) > 0; });
    Rival reader([&] {
      char bytes[16];
      return read(pty.slave, bytes, sizeof bytes) > 0;
    });
    Rival opener([&] { return pty.open_slave() != -1; });
    write_text(pty.master, "some");
    read_bytes(pty.master, 100 * static_cast<std::size_t>(round));
    pty.master.close();
  }
}

TEST(PtyRaces, SlaveComesAndGoesUnderAReader) {
  Pty pty;
  std::atomic<bool> done{false};
  Rival reader([&] {
    char bytes[16];
    (void)!read(pty.master, bytes, sizeof bytes);
    return !done;
  });
  pty.slave.close();
  for (int round = 0; round < 300; ++round) {
    const Descriptor slave = pty.open_slave();
    EXPECT_TRUE(write_text(slave, "x"));
  }
  done = true;
}

TEST(PtyRaces, ControllingTerminalsGoUnderTheirSessions) {
  for (int round = 0; round < 30; ++round) {
    Pty pty;
    Pipe ready;
    const pid_t leader = pty.start_session([&] {
      signal(SIGHUP, SIG_IGN);
      ::close(0);
      ready.notify();
      while (true) {
        const Descriptor terminal = open_file("/dev/tty", O_RDWR);
        if (terminal == -1) break;
      }
    });
    ready.wait();
    pty.slave.close();
    pty.master.close();
    EXPECT_TRUE(reap(leader).exited(0));
  }
}

TEST(PtyRaces, NamesAreTakenAndGivenBack) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (int round = 0; round < 100; ++round) {
        Pty pty;
        EXPECT_TRUE(write_text(pty.slave, "mine"));
        EXPECT_EQ(read_bytes(pty.master, 4), "mine") << pty.name;
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(PtyRaces, NothingIsLeft) {
  if (!has_containers()) GTEST_SKIP() << "only cv6 counts its objects";
  const auto use = [] {
    std::vector<Pty> ptys(20);
    for (Pty& pty : ptys) {
      const pid_t leader = pty.start_session([] { EXPECT_TRUE(write_text(0, "unread")); });
      EXPECT_TRUE(reap(leader).exited(0));
      write_text(pty.master, "unread as well");
    }
    for (std::size_t i = 0; i < ptys.size(); i += 2) ptys[i].slave.close();  // either end first
    for (std::size_t i = 1; i < ptys.size(); i += 2) ptys[i].master.close();
  };
  use();
  const ObjectCounts before = count_objects();
  use();
  const ObjectCounts after = count_objects();
  for (const char* kind : {"pty_node", "pty_master", "terminal_file", "session", "process_group"})
    EXPECT_EQ(before.at(kind), after.at(kind)) << kind;
  EXPECT_EQ(before.at("size-pages"), after.at("size-pages"));
}

}  // namespace
}  // namespace cv6::guest
