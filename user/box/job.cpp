#include "job.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "descriptor.hpp"
#include "failure.hpp"
#include "identity.hpp"

namespace cv6::box {
namespace {

constexpr const char* search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What a program in a container is told of the world outside: what kind of terminal it has, and the prompt. Then what it is
// told on purpose.
std::vector<std::string> environment_for(const std::string& hostname, const Program& program) {
  std::vector<std::string> environment = {std::string("PATH=") + search_path, "HOME=/root", "USER=root", "LOGNAME=root",
                                          "SHELL=/bin/sh", "HOSTNAME=" + hostname};
  for (const char* name : {"TERM", "PS1"})
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  if (program.terminal && !std::getenv("TERM")) environment.push_back("TERM=xterm");
  for (const std::string& variable : program.environment) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    std::erase_if(environment, [&](const std::string& other) { return other.starts_with(name); });
    environment.push_back(variable);
  }
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

}  // namespace

void pass_signals_on_to(pid_t process) {
  running = process;
  struct sigaction action {};
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) ::sigaction(signal, &action, nullptr);
}

namespace {

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

// Where somebody sits at a terminal, a program that stops stops box's job. Elsewhere that is nobody's wish: box's process group
// is that of a script, which goes on.
int wait_for(pid_t child, Terminal& terminal, SpawnPlace place) {
  const int stops = place == SpawnPlace::new_session ? 0 : WUNTRACED;
  while (true) {
    int status = 0;
    if (::waitpid(child, &status, stops) < 0) {
      if (errno == EINTR) continue;
      throw system_failure("waiting for the program");
    }
    if (!WIFSTOPPED(status)) return exit_status_of(status);
    // It stopped, so box does: for the shell that started box the two are one job. `fg` continues both.
    terminal.take_back();
    ::kill(0, SIGSTOP);
    if (terminal.ours()) terminal.lend_to(child);
    ::kill(-child, SIGCONT);
  }
}

// Everything that spawn_container() points to.
class Request {
 public:
  Request(const ContainerStat& container, const Program& program)
      : environment_(environment_for(container.hostname, program)),
        argument_pointers_(pointers_to(program.words)),
        environment_pointers_(pointers_to(environment_)) {
    request_.id = container.id;
    request_.arguments = argument_pointers_.data();
    request_.environment = environment_pointers_.data();
    if (!program.directory.empty()) request_.directory = program.directory.c_str();
    const Identity identity = identity_of(program.user, container.id);
    request_.user = identity.user;
    request_.group = identity.group;
  }
  void pass(int from, int to) { passed_.push_back({from, to}); }
  pid_t start_at(SpawnPlace place, const std::string& program) {
    request_.place = place;
    request_.descriptors = passed_.data();
    request_.descriptor_count = passed_.size();
    return start(request_, program);
  }

 private:
  std::vector<std::string> environment_;
  std::vector<const char*> argument_pointers_, environment_pointers_;
  std::vector<PassedDescriptor> passed_;
  ContainerSpawn request_;
};

Descriptor open_output(int container, std::uint32_t which, int forward) {
  Descriptor console(open_container_console({container, which, forward}));
  if (console < 0) throw system_failure("the container's console");
  return console;
}

// Whoever does not get the terminal to read from is in a session of its own: in box's it could be had by name, /dev/tty.
SpawnPlace place_for(const Terminal& terminal) {
  if (terminal.ours()) return SpawnPlace::foreground;
  return ::isatty(STDIN_FILENO) ? SpawnPlace::background : SpawnPlace::new_session;
}

}  // namespace

int run(const ContainerStat& container, const Program& program, Output output) {
  Request request(container, program);
  std::vector<Descriptor> consoles;  // closed once the program has them: what is forwarded to may wait for its end
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(standard, F_GETFD) < 0) continue;
    int passed = standard;
    if (output == Output::logged && standard != STDIN_FILENO) {
      const bool is_output = standard == STDOUT_FILENO;
      passed = consoles.emplace_back(open_output(container.id, is_output ? ContainerConsoleOpen::write_output : ContainerConsoleOpen::write_error, standard));
    }
    request.pass(passed, standard);
  }
  Terminal terminal;
  const SpawnPlace place = place_for(terminal);
  if (place == SpawnPlace::foreground) terminal.note_lent();
  const pid_t process = request.start_at(place, program.words.front());
  consoles.clear();
  pass_signals_on_to(process);
  const int status = wait_for(process, terminal, place);
  running = 0;
  terminal.take_back();
  return status;
}

namespace {

void start_on_terminal(const ContainerStat& container, const Program& program) {
  Request request(container, program);
  const Descriptor terminal(open_container_console({container.id, ContainerConsoleOpen::make_terminal}));
  if (terminal < 0) throw system_failure("a terminal for the container");
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) request.pass(terminal, standard);
  (void)request.start_at(SpawnPlace::terminal_session, program.words.front());
}

}  // namespace

void start_detached(const ContainerStat& container, const Program& program) {
  if (program.terminal) return start_on_terminal(container, program);
  Request request(container, program);
  const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing < 0) throw system_failure("/dev/null");
  const Descriptor output = open_output(container.id, ContainerConsoleOpen::write_output, -1);
  const Descriptor error = open_output(container.id, ContainerConsoleOpen::write_error, -1);
  request.pass(nothing, STDIN_FILENO);
  request.pass(output, STDOUT_FILENO);
  request.pass(error, STDERR_FILENO);
  (void)request.start_at(SpawnPlace::new_session, program.words.front());
}

int exit_status_of(int status) {
  return WIFSIGNALED(status) ? exit_status::signal_base + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace cv6::box
