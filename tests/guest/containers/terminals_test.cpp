// Terminals of containers: names that nobody else sees, and consoles that are terminals.
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "support/container.hpp"
#include "support/helper.hpp"
#include "support/pty.hpp"
#include "support/wait.hpp"

namespace cv6::guest {
namespace {

using Open = ContainerConsoleOpen;

class ContainerTerminals : public Containers {};

// Answers a line with what it knows about its terminal, then waits for another one, with its number as the exit status.
const Helper answers{"terminal-answer", [](std::span<char*>) -> int {
                       setvbuf(stdout, nullptr, _IONBF, 0);
                       char name[64] = "?";
                       ttyname_r(0, name, sizeof name);
                       const bool controls = open_file("/dev/tty", O_RDWR) != -1 && tcgetpgrp(0) == getpgrp();
                       printf("%s %s %d\n", name, controls ? "controls" : "no", getsid(0) == getpid());
                       char line[64];
                       if (!fgets(line, sizeof line, stdin)) return 99;
                       return atoi(line);
                     }};
// Waits until the window changes, and says how large it is.
const Helper watches{"terminal-watch", [](std::span<char*>) -> int {
                       sigset_t set;
                       sigemptyset(&set);
                       sigaddset(&set, SIGWINCH);
                       sigprocmask(SIG_BLOCK, &set, nullptr);
                       dprintf(1, "ready\n");
                       sigwaitinfo(&set, nullptr);
                       winsize size{};
                       ioctl(0, TIOCGWINSZ, &size);
                       dprintf(1, "%d %d\n", size.ws_row, size.ws_col);
                       return 0;
                     }};

pid_t spawn_on(const Box& box, int terminal, const char* helper, SpawnPlace place = SpawnPlace::terminal_session) {
  const char* words[] = {"guest-tests", "--helper", helper, nullptr};
  const PassedDescriptor passed[] = {{terminal, 0}, {terminal, 1}, {terminal, 2}};
  char program[4096] = {};
  if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return -1;
  ContainerSpawn wanted;
  wanted.id = box.id();
  wanted.place = place;
  wanted.path = program;
  wanted.arguments = words;
  wanted.descriptors = passed;
  wanted.descriptor_count = std::size(passed);
  return spawn_container(wanted);
}

Descriptor open_console(const Box& box, std::uint32_t flags) { return Descriptor(open_container_console({box.id(), flags})); }

// The texts of the console's entries, until they end in `end`.
std::string read_console(int console, const std::string& end) {
  static char buffer[2 * ContainerConsoleEntry::enough];
  std::string text;
  while (!text.ends_with(end)) {
    const ssize_t count = read(console, buffer, sizeof buffer);
    if (count <= 0) break;
    for (ssize_t at = 0; at < count;) {
      ContainerConsoleEntry head;
      memcpy(&head, buffer + at, sizeof head);
      at += sizeof head;
      text.append(buffer + at, head.size);
      at += (head.size + 7) / 8 * 8;
    }
  }
  return text;
}

TEST_F(ContainerTerminals, HaveNamesOfTheirOwn) {
  Box box, other;
  Pty outside;
  for (const Box* one : {&box, &other})
    EXPECT_INSIDE(*one, {
      EXPECT_ERRNO(ENOENT, open(outside.name.c_str(), O_RDWR | O_NOCTTY));
      Pty inside;
      EXPECT_EQ(inside.name, "/dev/pts/0");
      EXPECT_TRUE(write_text(inside.slave, "x"));
      EXPECT_EQ(read_bytes(inside.master, 1), "x");
      // What was passed on works, and says nothing of where it is.
      EXPECT_TRUE(write_text(outside.slave, "y"));
      EXPECT_OK(fchdir(open_file("/", O_RDONLY | O_DIRECTORY)));
    });
  EXPECT_EQ(read_bytes(outside.master, 2), "yy");
}

TEST_F(ContainerTerminals, PayForTheirTerminals) {
  Box box;
  box.set_limit(ContainerLimit::Kind::memory, 8 << 20);
  EXPECT_INSIDE(box, {
    std::vector<Descriptor> masters;
    int master;
    while ((master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) >= 0 && masters.size() < 2000) masters.emplace_back(master);
    EXPECT_ERRNO(ENOMEM, master);
    EXPECT_LT(masters.size(), 600u);
    EXPECT_GT(masters.size(), 50u);
  });
}

TEST_F(ContainerTerminals, ConsoleIsTheTerminal) {
  Box box;
  EXPECT_ERRNO(ENOTTY, open_console(box, Open::terminal).get());
  Descriptor terminal = open_console(box, Open::make_terminal);
  ASSERT_OK(terminal.get());
  const pid_t child = spawn_on(box, terminal, "terminal-answer");
  ASSERT_OK(child);
  terminal.close();
  const Descriptor console = open_console(box, Open::terminal | Open::follow);
  ASSERT_OK(console.get());
  EXPECT_EQ(read_console(console, "\n"), "/dev/pts/0 controls 1\r\n");
  EXPECT_TRUE(write_text(console, "7\r"));
  EXPECT_TRUE(reap(child).exited(7));
  EXPECT_EQ(read_console(console, ""), "");
  EXPECT_EQ(read_console(console, "\n"), "7\r\n") << "the echo";
  EXPECT_EQ(read_console(open_console(box, 0), "never"), "/dev/pts/0 controls 1\r\n7\r\n");
}

TEST_F(ContainerTerminals, WindowIsPassedOn) {
  Box box;
  const Descriptor terminal = open_console(box, Open::make_terminal);
  const pid_t child = spawn_on(box, terminal, "terminal-watch");
  ASSERT_OK(child);
  const Descriptor console = open_console(box, Open::terminal | Open::follow);
  EXPECT_EQ(read_console(console, "\n"), "ready\r\n");
  const winsize size{.ws_row = 11, .ws_col = 22};
  EXPECT_OK(ioctl(console, TIOCSWINSZ, &size));
  EXPECT_EQ(read_console(console, "\n"), "11 22\r\n");
  EXPECT_TRUE(reap(child).exited(0));
}

TEST_F(ContainerTerminals, KeysAreSignals) {
  Box box;
  const Descriptor terminal = open_console(box, Open::make_terminal);
  const pid_t child = spawn_on(box, terminal, "terminal-watch");
  ASSERT_OK(child);
  const Descriptor console = open_console(box, Open::terminal | Open::follow);
  EXPECT_EQ(read_console(console, "\n"), "ready\r\n");
  EXPECT_TRUE(write_text(console, "\x1c"));
  EXPECT_TRUE(reap(child).killed_by(SIGQUIT));
}

TEST_F(ContainerTerminals, ANewOneHangsTheOldOneUp) {
  Box box;
  const Descriptor first = open_console(box, Open::make_terminal);
  ASSERT_OK(first.get());
  const Descriptor old = open_console(box, Open::terminal | Open::follow);
  const Descriptor second = open_console(box, Open::make_terminal);
  ASSERT_OK(second.get());
  EXPECT_ERRNO(EIO, write(first, "x", 1));
  EXPECT_ERRNO(EIO, write(old, "x", 1));
  EXPECT_TRUE(write_text(second, "new\n"));
  EXPECT_EQ(read_console(open_console(box, 0), "\n"), "new\r\n");
  box.destroy();
  EXPECT_ERRNO(EIO, write(second, "x", 1));
}

TEST_F(ContainerTerminals, BadRequests) {
  Box box;
  EXPECT_ERRNO(EINVAL, open_console(box, Open::make_terminal | Open::follow).get());
  const Descriptor terminal = open_console(box, Open::make_terminal);
  Pipe pipe;
  EXPECT_ERRNO(ENOTTY, spawn_on(box, pipe.read, "terminal-answer"));
  const pid_t child = spawn_on(box, terminal, "terminal-answer");
  ASSERT_OK(child);
  EXPECT_ERRNO(EPERM, spawn_on(box, terminal, "terminal-answer")) << "it is another session's";
  const Descriptor log = open_console(box, 0);
  EXPECT_ERRNO(EBADF, write(log, "x", 1));
  winsize size{};
  EXPECT_ERRNO(ENOTTY, ioctl(log, TIOCGWINSZ, &size));
  kill(child, SIGKILL);
  EXPECT_TRUE(reap(child).killed_by(SIGKILL));
}

TEST_F(ContainerTerminals, NothingIsLeft) {
  const auto use = [] {
    for (int i = 0; i < 10; ++i) {
      Box box;
      const Descriptor terminal = open_console(box, Open::make_terminal);
      const pid_t child = spawn_on(box, terminal, "terminal-answer");
      const Descriptor console = open_console(box, Open::terminal | Open::follow);
      write_text(console, "1\r");
      if (i % 2) reap(child);
      else box.destroy(), reap(child);
    }
  };
  use();
  const ObjectCounts before = count_objects();
  use();
  const ObjectCounts after = count_objects();
  for (const char* kind : {"pty_node", "terminal_file", "session", "container", "size-pages", "mount", "console_log"})
    EXPECT_EQ(before.at(kind), after.at(kind)) << kind;
}

}  // namespace
}  // namespace cv6::guest
