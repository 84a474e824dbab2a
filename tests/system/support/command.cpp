#include "support/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>

namespace cv6::test {
namespace {

struct Pipe {
  Pipe() { (void)!::pipe2(ends.data(), O_CLOEXEC); }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_read() { close_end(0); }
  void close_write() { close_end(1); }
  int read_end() const { return ends[0]; }
  int write_end() const { return ends[1]; }

 private:
  void close_end(std::size_t which) {
    if (ends[which] >= 0) ::close(ends[which]);
    ends[which] = -1;
  }
  std::array<int, 2> ends{-1, -1};
};

[[noreturn]] void become(const Words& command, int input, int output, int error) {
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(error, 2);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

// Appends what can be read to `text`; closes the pipe at its end.
void take(Pipe& pipe, std::string& text) {
  std::array<char, 65536> block;
  const ssize_t got = ::read(pipe.read_end(), block.data(), block.size());
  if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
  if (got == 0) pipe.close_read();
}

void give(Pipe& pipe, const std::string& input, std::size_t& given) {
  const ssize_t done = ::write(pipe.write_end(), input.data() + given, input.size() - given);
  if (done > 0) given += static_cast<std::size_t>(done);
  if (done < 0 || given == input.size()) pipe.close_write();
}

}  // namespace

Completed run_program(const Words& command, const std::string& input, std::chrono::seconds limit) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    become(command, in.read_end(), out.write_end(), err.write_end());
  }
  in.close_read();
  out.close_write();
  err.close_write();
  ::fcntl(in.write_end(), F_SETFL, O_NONBLOCK);
  Completed completed;
  std::size_t given = 0;
  if (input.empty()) in.close_write();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  bool late = false;
  while (out.read_end() >= 0 || err.read_end() >= 0) {
    pollfd watched[] = {{.fd = out.read_end(), .events = POLLIN, .revents = 0},
                        {.fd = err.read_end(), .events = POLLIN, .revents = 0},
                        {.fd = in.write_end(), .events = POLLOUT, .revents = 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    late = left.count() <= 0 || ::poll(watched, 3, static_cast<int>(left.count())) == 0;
    if (late) break;
    if (watched[0].revents) take(out, completed.output);
    if (watched[1].revents) take(err, completed.error);
    if (watched[2].revents) give(in, input, given);
  }
  if (late) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (late) completed.error += "\n(the test's limit of time has passed)";
  if (!late) completed.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return completed;
}

std::string build_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path();
}

std::string source_folder() { return CV6_SOURCE; }

Words runner(const Words& options) {
  Words command = {build_folder() + "/host/run/cv6-run"};
  if (const char* more = std::getenv("CV6_TEST_OPTIONS")) {
    std::istringstream words(more);
    for (std::string word; words >> word;) command.push_back(word);
  }
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

Completed run_guest(const Words& options, const Words& command, const std::string& input) {
  Words all = runner(options);
  all.push_back("--");
  all.insert(all.end(), command.begin(), command.end());
  return run_program(all, input);
}

Completed run_shell(const std::string& command_line, const std::string& input) {
  return run_guest({}, {command_line}, input);
}

}  // namespace cv6::test
