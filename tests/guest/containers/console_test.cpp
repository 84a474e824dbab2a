// The console of a container: what its programs print, kept, passed on, followed.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <ctime>

#include "support/container.hpp"
#include "support/descriptor.hpp"
#include "support/helper.hpp"
#include "support/socket.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using Open = ContainerConsoleOpen;
using Stream = ContainerConsoleEntry::Stream;

// "container-say OUTPUT ERROR"
const Helper says{"container-say", [](std::span<char*> words) -> int {
                    (void)!write(1, words[0], strlen(words[0]));
                    (void)!write(2, words[1], strlen(words[1]));
                    return 0;
                  }};
// "container-flood COUNT": so many lines of 64 bytes, numbered.
const Helper floods{"container-flood", [](std::span<char*> words) -> int {
                      for (int i = 0; i < atoi(words[0]); ++i) dprintf(1, "%063d\n", i);
                      return 0;
                    }};

class ContainerConsoles : public Containers {};

Descriptor open_console(int container, std::uint32_t flags, int forward = -1) {
  return Descriptor(open_container_console({container, flags, forward}));
}

struct Entry {
  Stream stream;
  std::string text;
  std::uint64_t time;
  bool operator==(const Entry& other) const { return stream == other.stream && text == other.text; }
};
std::ostream& operator<<(std::ostream& out, const Entry& entry) {
  return out << static_cast<unsigned>(entry.stream) << ":" << entry.text;
}

// All that a read gives.
std::vector<Entry> read_once(int console) {
  static char buffer[2 * ContainerConsoleEntry::enough];
  const ssize_t count = read(console, buffer, sizeof buffer);
  EXPECT_OK(count);
  std::vector<Entry> entries;
  for (ssize_t at = 0; at < count;) {
    ContainerConsoleEntry head;
    memcpy(&head, buffer + at, sizeof head);
    at += sizeof head;
    const std::size_t size = head.stream == Stream::lost ? 0 : head.size;
    entries.push_back({head.stream, std::string(buffer + at, size), head.time});
    at += (size + 7) / 8 * 8;
  }
  return entries;
}
std::vector<Entry> read_all(int console) {
  std::vector<Entry> all;
  while (true) {
    const std::vector<Entry> some = read_once(console);
    if (some.empty()) return all;
    all.insert(all.end(), some.begin(), some.end());
  }
}

// Spawns the helper with its output and error on the console, and waits for it.
void run_logged(const Box& box, const std::string& helper, const std::vector<std::string>& arguments, int output = -1, int error = -1) {
  const Descriptor out = open_console(box.id(), Open::write_output, output), err = open_console(box.id(), Open::write_error, error);
  ASSERT_OK(out.get());
  ASSERT_OK(err.get());
  const pid_t child = spawn_helper(box.id(), helper, arguments, {{out, 1}, {err, 2}});
  ASSERT_OK(child);
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(ContainerConsoles, KeepWhatIsPrinted) {
  Box box;
  EXPECT_TRUE(read_all(open_console(box.id(), 0)).empty());
  run_logged(box, "container-say", {"hello\n", "oh\n"});
  const std::vector<Entry> wanted = {{Stream::output, "hello\n", 0}, {Stream::error, "oh\n", 0}};
  const Descriptor console = open_console(box.id(), 0);
  const auto entries = read_all(console);
  EXPECT_EQ(entries, wanted);
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_LE(entries[0].time, entries[1].time);
  EXPECT_NEAR(static_cast<double>(entries[1].time) / 1e9, static_cast<double>(now.tv_sec), 60);
  EXPECT_TRUE(read_all(console).empty());
  EXPECT_EQ(read_all(open_console(box.id(), 0)), wanted) << "for each reader";
  EXPECT_TRUE(read_all(open_console(box.id(), Open::new_only)).empty());
}

TEST_F(ContainerConsoles, PassOnWhatIsPrinted) {
  Box box;
  Pipe output, error;
  run_logged(box, "container-say", {"hello", "oh"}, output.write, error.write);
  output.write.close();
  error.write.close();
  char text[16] = {};
  EXPECT_EQ(read(output.read, text, sizeof text), 5);
  EXPECT_STREQ(text, "hello");
  EXPECT_EQ(read(output.read, text, sizeof text), 0) << "nobody holds it after the program's end";
  EXPECT_EQ(read(error.read, text, sizeof text), 2);
  EXPECT_EQ(read(error.read, text, sizeof text), 0);
}

TEST_F(ContainerConsoles, WhatIsNotSeenIsNotLogged) {
  Box box;
  Pipe pipe(O_NONBLOCK);
  const Descriptor console = open_console(box.id(), Open::write_output, pipe.write);
  std::string large(200'000, 'x');
  const ssize_t written = write(console, large.data(), large.size());
  EXPECT_EQ(written, 65536);
  std::size_t logged = 0;
  for (const Entry& entry : read_all(open_console(box.id(), 0))) logged += entry.text.size();
  EXPECT_EQ(logged, 65536u);
  pipe.read.close();
  signal(SIGPIPE, SIG_IGN);
  EXPECT_ERRNO(EPIPE, write(console, "x", 1));
  signal(SIGPIPE, SIG_DFL);
}

TEST_F(ContainerConsoles, AnswerAsWhatTheyForwardTo) {
  Box box;
  Pipe pipe;
  winsize size{};
  EXPECT_ERRNO(ENOTTY, ioctl(open_console(box.id(), Open::write_output, pipe.write), TIOCGWINSZ, &size));
  EXPECT_ERRNO(ENOTTY, ioctl(open_console(box.id(), Open::write_output), TIOCGWINSZ, &size));
  const Descriptor console = open_console(box.id(), Open::write_output, pipe.write);
  char byte;
  EXPECT_ERRNO(EBADF, read(console, &byte, 1));
  pollfd look{console, POLLOUT, 0};
  EXPECT_EQ(poll(&look, 1, 0), 1);
}

TEST_F(ContainerConsoles, KeepTheNewest) {
  Box box;
  constexpr int lines = 10'000;
  run_logged(box, "container-flood", {std::to_string(lines)});
  const auto entries = read_all(open_console(box.id(), 0));
  ASSERT_GT(entries.size(), 1000u);
  EXPECT_EQ(entries.front().stream, Stream::lost);
  for (std::size_t i = 1; i < entries.size(); ++i)
    ASSERT_EQ(std::stoi(entries[i].text), lines - static_cast<int>(entries.size() - i));
  EXPECT_LE(box.stat().memory_peak, 2'000'000u);
}

TEST_F(ContainerConsoles, CanBeFollowed) {
  Box box;
  Pipe go;
  const pid_t inside = box.start([&] { go.wait(); });
  wait_until([&] { return box.processes() == 1; });
  const Descriptor writer = open_console(box.id(), Open::write_output);
  const pid_t reader = spawn_checked([&] {
    const Descriptor console = open_console(box.id(), Open::follow);
    EXPECT_EQ(read_once(console).size(), 1u);  // blocks until there is one
    EXPECT_TRUE(read_once(console).empty());   // blocks until the container is empty
  });
  wait_until_blocked(reader);
  EXPECT_EQ(write(writer, "x", 1), 1);
  wait_until_blocked(reader);
  go.notify();
  EXPECT_TRUE(reap(inside).exited(0));
  EXPECT_TRUE(reap(reader).exited(0));
}

TEST_F(ContainerConsoles, FollowersEndWithTheContainer) {
  Box box;
  const pid_t inside = box.start([] { pause(); });
  wait_until([&] { return box.processes() == 1; });
  const pid_t reader = spawn_checked([&] { EXPECT_TRUE(read_all(open_console(box.id(), Open::follow)).empty()); });
  wait_until_blocked(reader);
  box.destroy();
  EXPECT_TRUE(reap(reader).exited(0));
  EXPECT_TRUE(reap(inside).killed_by(SIGKILL));
}

TEST_F(ContainerConsoles, RefuseNonsense) {
  Box box;
  EXPECT_ERRNO(EINVAL, open_container_console({box.id(), 1u << 20}));
  EXPECT_ERRNO(EINVAL, open_container_console({box.id(), Open::write_output | Open::write_error}));
  EXPECT_ERRNO(EINVAL, open_container_console({box.id(), Open::write_output | Open::follow}));
  EXPECT_ERRNO(EBADF, open_container_console({box.id(), Open::write_output, 999}));
  const Descriptor read_only = open_file("/dev/null", O_RDONLY);
  EXPECT_ERRNO(EBADF, open_container_console({box.id(), Open::write_output, read_only}));
  EXPECT_ERRNO(ESRCH, open_container_console({1'000'000, 0}));
  char small[64];
  const Descriptor console = open_console(box.id(), 0);
  EXPECT_ERRNO(EINVAL, read(console, small, sizeof small));
  const Descriptor nonblocking = open_console(box.id(), Open::follow | Open::nonblock);
  static char room[ContainerConsoleEntry::enough];
  EXPECT_EQ(read(nonblocking, room, sizeof room), 0) << "nobody is inside: the end";
}

// Each console that passes on to a console takes its part of the kernel's stack.
TEST_F(ContainerConsoles, PassOnToEachOtherToADepth) {
  Box box;
  Pipe pipe;
  Descriptor console = open_console(box.id(), Open::write_output, pipe.write);
  int depth = 1;
  for (; depth < 1000; ++depth) {
    const int next = open_container_console({box.id(), Open::write_output, console});
    if (next == -1) break;
    console = Descriptor(next);
  }
  EXPECT_EQ(errno, ELOOP);
  EXPECT_GE(depth, 4);
  EXPECT_LT(depth, 20);
  EXPECT_EQ(write(console, "x", 1), 1);
  EXPECT_EQ(read_all(open_console(box.id(), 0)).size(), static_cast<std::size_t>(depth)) << "each keeps it";
  char text[4];
  EXPECT_EQ(read(pipe.read, text, sizeof text), 1);
}

// A console keeps the socket that it passes on to: on its way through sockets it counts as that one.
TEST_F(ContainerConsoles, DoNotHideSocketsThatArePassed) {
  Box box;
  for (int round = 0; round < 20; ++round) {
    Descriptor last(open("/dev/null", O_WRONLY));
    int depth = 0;
    for (; depth < 1000; ++depth) {
      SocketPair pair;
      if (pass_files(pair.one, {last}) == -1) break;
      last = open_console(box.id(), Open::write_output, pair.other);
      ASSERT_OK(last.get());
    }
    EXPECT_EQ(errno, ETOOMANYREFS);
    EXPECT_GE(depth, 2);
    EXPECT_LT(depth, 20);
    SocketPair own;  // nobody could ever receive this
    EXPECT_ERRNO(ETOOMANYREFS, pass_files(own.one, {open_console(box.id(), Open::write_output, own.other)}));
  }
}

}  // namespace
}  // namespace cv6::guest
