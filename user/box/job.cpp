#include "job.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "cv6/container.hpp"
#include "failure.hpp"

namespace cv6::box {
namespace {

constexpr const char* search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What a program in a container is told of the world outside: what kind of terminal it has, and the prompt.
std::vector<std::string> environment_for(const std::string& hostname) {
  std::vector<std::string> environment = {std::string("PATH=") + search_path, "HOME=/root", "USER=root", "LOGNAME=root",
                                          "SHELL=/bin/sh", "HOSTNAME=" + hostname};
  for (const char* name : {"TERM", "PS1"})
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  return environment;
}

std::vector<const char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<const char*> pointers;
  for (const std::string& string : strings) pointers.push_back(string.c_str());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> candidates_for(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> paths;
  std::string folder;
  for (const char* c = search_path;; ++c) {
    if (*c && *c != ':') {
      folder += *c;
      continue;
    }
    paths.push_back(folder + "/" + program);
    folder.clear();
    if (!*c) return paths;
  }
}

// The terminal that box shares with the shell that started it, which box lends to the program while box itself is in the
// foreground there.
class Terminal {
 public:
  // Box is in the terminal's foreground now. What is started in the background may come there later (`fg`).
  bool ours() const { return ::tcgetpgrp(descriptor_) == ::getpgrp(); }

  void lend_to(pid_t group) {
    note_lent();
    set_foreground(group);
  }
  // The program has it already, from its start on.
  void note_lent() { lent_ = ::tcgetattr(descriptor_, &modes_) == 0; }
  // Back to box's own group, with the modes that it had: a program that died may have left them as it liked.
  void take_back() {
    if (!lent_) return;
    lent_ = false;
    set_foreground(::getpgrp());
    ::tcsetattr(descriptor_, TCSADRAIN, &modes_);
  }

 private:
  static void set_foreground(pid_t group) {
    // From the background this would stop box itself.
    sigset_t only, before;
    ::sigemptyset(&only);
    ::sigaddset(&only, SIGTTOU);
    ::sigprocmask(SIG_BLOCK, &only, &before);
    ::tcsetpgrp(descriptor_, group);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
  }

  static constexpr int descriptor_ = STDIN_FILENO;
  bool lent_ = false;
  termios modes_{};
};

volatile pid_t running = 0;

void pass_on(int signal) {
  if (running > 0) ::kill(running, signal);
}

// Signals that somebody sends to box are meant for the program.
void pass_signals_on() {
  struct sigaction action {};
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) ::sigaction(signal, &action, nullptr);
}

Failure start_failure(const std::string& program, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Failure(program + ": no such program in the container", exit_status::not_found);
    case EACCES:
    case ENOEXEC:
    case EISDIR:
    case ELIBBAD:
      return Failure(program + ": " + std::strerror(error), exit_status::cannot_run);
    case ESRCH: return Failure(program + ": the container is going away");
    default: return system_failure(program, error);
  }
}

pid_t start(ContainerSpawn& request, const std::string& program) {
  int error = ENOENT;
  for (const std::string& path : candidates_for(program)) {
    request.path = path.c_str();
    const pid_t child = spawn_container(request);
    if (child >= 0) return child;
    // As execvp(3): one that may not be run is passed over, and remembered.
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) throw start_failure(program, errno);
    if (errno == EACCES) error = EACCES;
  }
  throw start_failure(program, error);
}

int wait_for(pid_t child, Terminal& terminal) {
  while (true) {
    int status = 0;
    if (::waitpid(child, &status, WUNTRACED) < 0) {
      if (errno == EINTR) continue;
      throw system_failure("waiting for the program");
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return exit_status::signal_base + WTERMSIG(status);
    // It stopped, so box does: for the shell that started box the two are one job. `fg` continues both.
    terminal.take_back();
    ::kill(0, SIGSTOP);
    if (terminal.ours()) terminal.lend_to(child);
    ::kill(-child, SIGCONT);
  }
}

}  // namespace

int run(int container, const std::string& hostname, const std::vector<std::string>& words) {
  const std::vector<std::string> environment = environment_for(hostname);
  const std::vector<const char*> argument_pointers = pointers_to(words);
  const std::vector<const char*> environment_pointers = pointers_to(environment);
  constexpr PassedDescriptor standard[] = {{0, 0}, {1, 1}, {2, 2}};
  std::vector<PassedDescriptor> passed;
  for (const PassedDescriptor& one : standard)
    if (::fcntl(one.from, F_GETFD) >= 0) passed.push_back(one);
  Terminal terminal;
  const bool in_foreground = terminal.ours();
  if (in_foreground) terminal.note_lent();
  ContainerSpawn request;
  request.id = container;
  request.place = in_foreground ? SpawnPlace::foreground : SpawnPlace::background;
  request.arguments = argument_pointers.data();
  request.environment = environment_pointers.data();
  request.descriptors = passed.data();
  request.descriptor_count = passed.size();
  running = start(request, words.front());
  pass_signals_on();
  const int status = wait_for(running, terminal);
  running = 0;
  terminal.take_back();
  return status;
}

}  // namespace cv6::box
