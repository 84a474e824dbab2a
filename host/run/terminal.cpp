#include "run/terminal.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>

namespace cv6::host {
namespace {

constexpr int input = 0;
constexpr int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// One terminal a process; the handler of a crash needs its settings without an object at hand.
termios former_settings;

void on_crash(int signal) {
  ::tcsetattr(input, TCSANOW, &former_settings);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void set_raw() {
  termios raw = former_settings;
  ::cfmakeraw(&raw);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(input, TCSADRAIN, &raw);
}

// The last byte is `h` to begin with the alternate screen and `l` to end with it.
constexpr std::string_view alternate_screen = "\033[?1049";
// Ends with the alternate screen; then cursor on, plain characters, no bracketed paste, keypad and arrows as usual.
constexpr std::string_view leave_alternate = "\033[?1049l\033[?25h\033[m\033[?2004l\033[?1l\033>";
constexpr std::size_t common_part = alternate_screen.size() + 1;

}  // namespace

Outcome<Terminal> Terminal::take() {
  if (::tcgetattr(input, &former_settings) != 0) return system_failure("the terminal");
  for (const int signal : crash_signals) ::signal(signal, on_crash);
  set_raw();
  return Terminal();
}

void Terminal::give_back() {
  if (taken_) ::tcsetattr(input, TCSADRAIN, &former_settings);
  taken_ = false;
}

void Terminal::take_again() {
  if (!taken_) set_raw();
  taken_ = true;
}

std::optional<protocol::Window> Terminal::window() {
  winsize size{};
  if (::ioctl(input, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return std::nullopt;
  return protocol::Window{.rows = size.ws_row, .columns = size.ws_col};
}

void ScreenState::follow(std::string_view output) {
  for (const char byte : output) follow_byte(byte);
  if (!output.empty()) in_line_ = output.back() != '\n';
}

void ScreenState::follow_byte(char byte) {
  if (matched_ == alternate_screen.size()) {
    if (byte == 'h' || byte == 'l') alternate_ = byte == 'h';
    matched_ = 0;
  }
  if (byte == alternate_screen[matched_]) {
    ++matched_;
  } else {
    matched_ = byte == alternate_screen[0] ? 1 : 0;
  }
}

std::string_view ScreenState::undo() const {
  return alternate_ ? leave_alternate : leave_alternate.substr(common_part);
}

}  // namespace cv6::host
