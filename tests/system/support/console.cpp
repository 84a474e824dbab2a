#include "support/console.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace cv6::test {
namespace {

int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// What moves the cursor, asks where it is or clears the line: "\r" and ECMA-48's control sequences (ESC [ ... letter).
void remove_controls(std::string& text) {
  std::erase(text, '\r');
  for (std::size_t at = 0; (at = text.find("\033[", at)) != std::string::npos;) {
    std::size_t end = at + 2;
    while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
    text.erase(at, end + 1 - at);
  }
}

}  // namespace

Console::Console(const Words& command) {
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(::openpty(&terminal_, &other_side_, nullptr, nullptr, &size), 0);
  for (const int end : {terminal_, other_side_}) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  process_ = ::fork();
  if (process_ != 0) return;
  ::login_tty(::dup(other_side_));
  ::setenv("TERM", "xterm", 1);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Console::~Console() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  ::close(terminal_);
  ::close(other_side_);
}

void Console::type(std::string_view keys) const {
  while (!keys.empty()) {
    const ssize_t done = ::write(terminal_, keys.data(), keys.size());
    if (done <= 0) return;
    keys.remove_prefix(static_cast<std::size_t>(done));
  }
}

bool Console::take(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd readable{.fd = terminal_, .events = POLLIN, .revents = 0};
  if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return false;
  std::array<char, 65536> block;
  const ssize_t got = ::read(terminal_, block.data(), block.size());
  if (got > 0) text_.append(block.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::string Console::wait_for(std::string_view text, std::chrono::seconds limit) {
  // What a failed test still waits for will hardly come.
  const bool hopeless = testing::Test::HasFailure();
  const auto deadline = std::chrono::steady_clock::now() + (hopeless ? std::chrono::seconds(1) : limit);
  while (true) {
    const std::size_t at = text_.find(text);
    if (at != std::string::npos) {
      std::string before = text_.substr(0, at);
      text_.erase(0, at + text.size());
      return before;
    }
    if (!take(deadline)) break;
    // A program that has ended writes no more.
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
      while (take(std::chrono::steady_clock::now() + std::chrono::milliseconds(100))) {
      }
      if (text_.find(text) == std::string::npos) break;
    }
  }
  ADD_FAILURE() << "waited for '" << text << "', but got:\n" << text_;
  return std::exchange(text_, {});
}

// The line editor may draw the line in several pieces: it goes to the terminal's next line by itself where one is full,
// and may begin anew, prompt and all. What was drawn last is the whole of what was typed.
std::string Console::command(const std::string& line, const std::string& prompt) {
  type(line + "\r");
  std::string drawn;
  do {
    drawn += wait_for("\n");
    remove_controls(drawn);
  } while (!drawn.ends_with(line) && !testing::Test::HasFailure());
  std::string output = wait_for(prompt);
  remove_controls(output);
  return output;
}

void Console::resize(unsigned short columns, unsigned short rows) const {
  const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  ::ioctl(terminal_, TIOCSWINSZ, &size);
}

termios Console::settings() const {
  termios settings{};
  ::tcgetattr(other_side_, &settings);
  return settings;
}

void Console::wait_raw() const {
  // A terminal does not tell when its settings change, so they are looked at now and then.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (settings().c_lflag & ECHO) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "the program has not taken the terminal";
      return;
    }
    ::poll(nullptr, 0, 10);
  }
}

bool Console::wait_stopped() const {
  int status = 0;
  return ::waitpid(process_, &status, WUNTRACED) == process_ && WIFSTOPPED(status);
}

int Console::wait_end() {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (::waitpid(process_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "the program did not end; it wrote:\n" << text_;
      return -1;
    }
    // Its output is read meanwhile; without any, this waits a little.
    take(std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
  }
  process_ = -1;
  while (take(std::chrono::steady_clock::now() + std::chrono::milliseconds(50))) {
  }
  return exit_status(status);
}

}  // namespace cv6::test
