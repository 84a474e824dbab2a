#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "common/files.hpp"

namespace cv6::bench {
namespace {

using Clock = std::chrono::steady_clock;

volatile sig_atomic_t signal_came = 0;

struct OutputPipe {
  host::Descriptor read_end;
  host::Descriptor write_end;

  static Outcome<OutputPipe> create() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return host::system_failure("pipe");
    return OutputPipe{host::Descriptor{ends[0]}, host::Descriptor{ends[1]}};
  }
};

/// A started program, in a process group of its own: the group is ended and the program waited for at the end.
class Child {
 public:
  static Outcome<Child> start(const std::vector<std::string>& command, int output, int errors);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) wait(Kill::all);
  }

  enum class Kill { nobody, all };

  /// Its exit status, 128 + n for a signal.
  int wait(Kill kill) {
    if (kill == Kill::all) end_all();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  static constexpr int grace_ms = 3000;

  explicit Child(pid_t pid) : pid_(pid) {}

  /// Asks first, so that temporary files are removed; what does not listen is killed.
  void end_all() const {
    ::kill(-pid_, SIGTERM);
    const host::Descriptor handle{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
    pollfd ended{handle.number(), POLLIN, 0};
    while (::poll(&ended, 1, grace_ms) < 0 && errno == EINTR) {
    }
    ::kill(-pid_, SIGKILL);
  }

  pid_t pid_;
};

Outcome<Child> Child::start(const std::vector<std::string>& command, int output, int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);

  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return failure("{}: {}", command[0], std::strerror(error));
  return Child{pid};
}

/// Cuts what arrives in pieces into lines.
class Lines {
 public:
  explicit Lines(const LineReader& reader) : reader_(reader) {}

  Next add(std::string_view piece) {
    pending_ += piece;
    for (std::size_t end; (end = pending_.find('\n')) != std::string::npos;) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (give(line) == Next::enough) return Next::enough;
    }
    return Next::more;
  }

  /// The output has ended, perhaps in the middle of a line.
  Next finish() { return pending_.empty() ? Next::more : give(std::exchange(pending_, {})); }

 private:
  Next give(std::string_view line) {
    while (line.ends_with('\r')) line.remove_suffix(1);
    return reader_(line);
  }

  const LineReader& reader_;
  std::string pending_;
};

/// Reads both outputs of a program until it closes them.
class Listener {
 public:
  Listener(OutputPipe& output, OutputPipe& errors, const LineReader& reader)
      : output_(output.read_end), errors_(errors.read_end), lines_(reader) {}

  Outcome<Ending::How> listen(Clock::time_point deadline) {
    while (output_.open() || errors_.open()) {
      if (interrupted()) return failure("interrupted");
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) return Ending::How::too_slow;
      std::array<pollfd, 2> sources{{{output_.number(), POLLIN, 0}, {errors_.number(), POLLIN, 0}}};
      const int ready = ::poll(sources.data(), sources.size(), static_cast<int>(left));
      if (ready < 0 && errno != EINTR) return host::system_failure("poll");
      if (ready <= 0) continue;
      if (sources[0].revents != 0 && take_output() == Next::enough) return Ending::How::had_enough;
      if (sources[1].revents != 0) errors_text_ += piece(errors_);
    }
    return lines_.finish() == Next::enough ? Ending::How::had_enough : Ending::How::exited;
  }

  [[nodiscard]] std::string take_errors() { return std::move(errors_text_); }

 private:
  static std::string piece(host::Descriptor& from) {
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(from.number(), buffer.data(), buffer.size());
    if (size > 0) return {buffer.data(), static_cast<std::size_t>(size)};
    if (size == 0 || errno != EINTR) from.close();
    return {};
  }

  Next take_output() { return lines_.add(piece(output_)); }

  host::Descriptor& output_;
  host::Descriptor& errors_;
  Lines lines_;
  std::string errors_text_;
};

}  // namespace

Outcome<Ending> run(const std::vector<std::string>& command, std::chrono::seconds limit, const LineReader& reader) {
  OutputPipe output = CV6_TRY(OutputPipe::create());
  OutputPipe errors = CV6_TRY(OutputPipe::create());
  Child child = CV6_TRY(Child::start(command, output.write_end.number(), errors.write_end.number()));
  output.write_end.close();
  errors.write_end.close();

  Listener listener{output, errors, reader};
  Ending ending;
  ending.how = CV6_TRY(listener.listen(Clock::now() + limit));
  ending.status = child.wait(ending.how == Ending::How::exited ? Child::Kill::nobody : Child::Kill::all);
  ending.errors = listener.take_errors();
  return ending;
}

Outcome<std::string> output_of(const std::vector<std::string>& command) {
  std::string text;
  const Ending ending = CV6_TRY(run(command, std::chrono::minutes{5}, [&](std::string_view line) {
    text.append(line).push_back('\n');
    return Next::more;
  }));
  if (ending.how == Ending::How::too_slow) return failure("{}: does not end", command[0]);
  if (ending.status != 0) return failure("{}: {}", command[0], last_line(ending.errors));
  return text;
}

void catch_interruptions() {
  struct sigaction action{};
  action.sa_handler = [](int) { signal_came = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return signal_came != 0; }

std::string last_line(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const std::size_t end = text.rfind('\n');
  return std::string{end == std::string_view::npos ? text : text.substr(end + 1)};
}

}  // namespace cv6::bench
