#include "common/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "common/files.hpp"

namespace cv6::host {
namespace {

[[noreturn]] void become(const std::vector<std::string>& command, int output, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  execute(command);
}

// Hands the complete lines of `text` on and leaves the rest in it.
void take_lines(std::string& text, const std::function<void(std::string_view)>& on_line) {
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    on_line(line);
  }
  text.erase(0, begin);
}

}  // namespace

Outcome<ProcessEnd> run_process(const std::vector<std::string>& command, std::chrono::seconds patience,
                                const std::function<void(std::string_view)>& on_line) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("pipe");
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return system_failure("fork");
  if (child == 0) become(command, ends[1], parent);
  ::close(ends[1]);
  const Descriptor output(ends[0]);
  ProcessEnd end;
  std::string text;
  std::array<char, 65536> block;
  while (true) {
    pollfd readable{.fd = output.number(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(std::chrono::milliseconds(patience).count()));
    if (ready < 0 && errno == EINTR) continue;
    end.silent = ready == 0;
    if (ready <= 0) break;
    const ssize_t got = ::read(output.number(), block.data(), block.size());
    if (got <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
    take_lines(text, on_line);
  }
  if (!text.empty()) on_line(text);
  if (end.silent) ::kill(-child, SIGKILL);
  while (::waitpid(child, &end.status, 0) < 0 && errno == EINTR) {
  }
  ::kill(-child, SIGKILL);  // What it left behind.
  return end;
}

std::string describe(const ProcessEnd& end) {
  if (end.silent) return "nothing written for too long";
  if (WIFSIGNALED(end.status))
    return std::format("signal {} ({})", WTERMSIG(end.status), ::strsignal(WTERMSIG(end.status)));
  return std::format("exit status {}", WEXITSTATUS(end.status));
}

void execute(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const std::string reason = command[0] + ": " + std::strerror(errno) + "\n";
  write_all(2, reason);
  ::_exit(127);
}

}  // namespace cv6::host
