// `box attach`: what a detached container prints from now on, and, where its console is a terminal, what is typed here.
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "console_entries.hpp"
#include "containers.hpp"
#include "failure.hpp"
#include "job.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

using Open = ContainerConsoleOpen;

// --- the keys that detach -----------------------------------------------------------------------------------------------

// "ctrl-p,ctrl-q": keys one after the other, each a character or ctrl- and one.
std::string parse_keys(const std::string& text) {
  std::string keys;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string key = text.substr(at, comma - at);
    at = comma + 1;
    if (key.size() == 1) keys += key;
    else if (key.starts_with("ctrl-") && key.size() == 6 && ((key[5] >= 'a' && key[5] <= 'z') || (key[5] >= '@' && key[5] <= '_')))
      keys += static_cast<char>(key[5] & 0x1f);
    else throw Failure("--detach-keys " + text + ": keys are wanted, as in ctrl-p,ctrl-q");
  }
  return keys;
}

// Finds them in what is typed. Those that may be the beginning wait until it is known.
class DetachKeys {
 public:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}
  // Appends to `typed` what is not part of them. True: all have been typed.
  bool take(char key, std::string& typed) {
    if (key != keys_[found_]) {
      typed += keys_.substr(0, std::exchange(found_, 0));
      if (key != keys_[0]) {
        typed += key;
        return false;
      }
    }
    return ++found_ == keys_.size();
  }

 private:
  std::string keys_;
  std::size_t found_ = 0;
};

// --- the terminal here --------------------------------------------------------------------------------------------------

// Raw as long as this lives: every key is for the program inside.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  }
  ~RawTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

volatile std::sig_atomic_t resized = 0, ended_by = 0;

// They come while poll(2) waits only, with the mask that this returns, so that none is missed before it.
sigset_t take_signals() {
  struct sigaction action {};
  sigset_t taken, before;
  ::sigemptyset(&taken);
  for (const int signal : {SIGWINCH, SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
    ::sigaddset(&taken, signal);
    if (signal == SIGWINCH) action.sa_handler = [](int) { resized = 1; };
    else action.sa_handler = [](int number) { ended_by = number; };
    ::sigaction(signal, &action, nullptr);
  }
  ::sigprocmask(SIG_BLOCK, &taken, &before);
  return before;
}

// --- both together ------------------------------------------------------------------------------------------------------

class Session {
 public:
  Session(int console, std::string keys)
      : console_(console), reader_(console), keys_(std::move(keys)), mask_(take_signals()) {}
  enum class End { program, detached, signal };
  End run();
  // A program that is told of a change shows itself anew: so there is one, as with docker.
  void show_size() {
    pass_size(1);
    pass_size(0);
  }

 private:
  void pass_size(unsigned short more) {
    winsize size{};
    if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) return;
    size.ws_row = static_cast<unsigned short>(size.ws_row + more);
    size.ws_col = static_cast<unsigned short>(size.ws_col + more);
    ::ioctl(console_, TIOCSWINSZ, &size);
  }
  bool print();
  bool read_keys();
  void send();

  int console_;
  ConsoleReader reader_;
  DetachKeys keys_;
  sigset_t mask_;
  bool input_open_ = true;
  std::string typed_;  // on its way to the program
};

// False: the programs have ended.
bool Session::print() {
  do {
    Entry entry;
    if (!reader_.next(entry)) return false;
    const bool from_kernel = entry.stream == Entry::Stream::kernel || entry.stream == Entry::Stream::lost;
    for (const char c : entry.text) {
      if (from_kernel && c == '\n') std::fputc('\r', stdout);  // its lines are no terminal's
      std::fputc(c, stdout);
    }
  } while (reader_.has_next());
  std::fflush(stdout);
  return true;
}

// False: detach.
bool Session::read_keys() {
  char keys[256];
  const ssize_t count = ::read(STDIN_FILENO, keys, sizeof keys);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count <= 0) input_open_ = false;
  for (ssize_t i = 0; i < count; ++i)
    if (keys_.take(keys[i], typed_)) return false;
  return true;
}

void Session::send() {
  const ssize_t count = ::write(console_, typed_.data(), typed_.size());
  if (count > 0) typed_.erase(0, static_cast<std::size_t>(count));
  else if (errno != EAGAIN && errno != EINTR) typed_.clear();  // nobody is there to read it
}

Session::End Session::run() {
  constexpr std::size_t most_typed = 4096;
  while (true) {
    const bool takes_keys = input_open_ && typed_.size() < most_typed;
    pollfd looks[] = {{console_, static_cast<short>(typed_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
                      {takes_keys ? STDIN_FILENO : -1, POLLIN, 0}};
    const int ready = ::ppoll(looks, 2, nullptr, &mask_);
    if (ended_by) return End::signal;
    if (std::exchange(resized, 0)) pass_size(0);
    if (ready < 0) {
      if (errno == EINTR) continue;
      throw system_failure("waiting for the console");
    }
    if (looks[0].revents & POLLIN && !print()) return End::program;
    if (looks[1].revents && !read_keys()) return End::detached;
    if (!typed_.empty()) send();
  }
}

int status_of_program(int container) {
  const int status = wait_container(container);
  return status < 0 ? 0 : exit_status_of(status);
}

int attach_terminal(int container, int console, const std::string& keys) {
  Session session(console, keys);
  Session::End end;
  {
    const RawTerminal raw;
    session.show_size();
    end = session.run();
  }
  switch (end) {
    case Session::End::program: return status_of_program(container);
    case Session::End::detached: std::fputs("\n", stderr); return 0;
    case Session::End::signal: break;
  }
  return exit_status::signal_base + ended_by;
}

// Until the container's programs have ended; signals are passed on to the first of them.
int attach_output(const ContainerStat& stat) {
  pass_signals_on_to(stat.first_process);
  const Descriptor console = open_console(stat.id, Open::follow | Open::new_only);
  ConsoleReader reader(console);
  Printer printer(Printer::Times::no);
  for (Entry entry; reader.next(entry);) printer.print(entry);
  return status_of_program(stat.id);
}

struct AttachOptions {
  std::string container, keys = "ctrl-p,ctrl-q";
};

int attach(const AttachOptions& options) {
  const std::string keys = parse_keys(options.keys);
  const ContainerStat stat = find(options.container);
  if (stat.first_process == 0) throw Failure(options.container + ": it is not running (`box start -a` starts it)");
  const Descriptor console(open_container_console({stat.id, Open::terminal | Open::follow | Open::new_only | Open::nonblock}));
  if (console >= 0) return attach_terminal(stat.id, console, keys);
  if (errno != ENOTTY) throw system_failure(options.container);
  return attach_output(stat);
}

}  // namespace

void add_attach(CLI::App& box, int& status) {
  auto options = std::make_shared<AttachOptions>();
  CLI::App& word = *box.add_subcommand(
      "attach", "show what a detached container prints, and wait for its end; type there, if it has a terminal (-t)");
  word.add_option("CONTAINER", options->container, "name or id")->required();
  word.add_option("--detach-keys", options->keys, "what leaves its terminal again (ctrl-p,ctrl-q)");
  word.callback([options, &status] { status = attach(*options); });
}

}  // namespace cv6::box
