#include "job.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "channel.hpp"
#include "program.hpp"

namespace cv6::init {
namespace {

// The first process ignores or catches signals and blocks one; what it starts begins with the defaults.
void restore_signals() {
  for (int signal = 1; signal < SIGRTMAX; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_environment(const protocol::Job& job) {
  ::setenv("HOME", "/root", 1);
  ::setenv("USER", "root", 1);
  ::setenv("LOGNAME", "root", 1);
  ::setenv("SHELL", "/bin/sh", 1);
  ::setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
  ::setenv("TERM", job.terminal.empty() ? "vt100" : job.terminal.c_str(), 1);
}

// Opens `path` as the descriptor `target`, which nothing else uses.
bool open_as(int target, const char* path, int flags) {
  const int descriptor = ::open(path, flags);
  if (descriptor < 0) return false;
  if (descriptor == target) return true;
  const bool moved = ::dup2(descriptor, target) == target;
  ::close(descriptor);
  return moved;
}

bool open_port_as(int target, const char* name, int flags) {
  return open_as(target, (std::string(protocol::port_folder) + name).c_str(), flags);
}

bool take_console() {
  return open_as(0, console_path, O_RDWR | O_NOCTTY) && ::ioctl(0, TIOCSCTTY, 0) == 0 && ::dup2(0, 1) == 1 &&
         ::dup2(0, 2) == 2;
}

// Standard error comes first: it is where a failure of the others is told.
bool take_ports() {
  return open_port_as(2, protocol::error_port, O_WRONLY) && open_port_as(1, protocol::output_port, O_WRONLY) &&
         open_port_as(0, protocol::input_port, O_RDONLY);
}

[[noreturn]] void become(const protocol::Job& job) {
  ::setsid();
  restore_signals();
  set_environment(job);
  const bool on_console = job.kind == protocol::JobKind::console;
  if (!(on_console ? take_console() : take_ports())) fail("standard input and output", ::strerror(errno), 126);
  if (::chdir("/root") != 0 && ::chdir("/") != 0) fail("/root", ::strerror(errno), 126);
  switch (job.kind) {
    case protocol::JobKind::console:
      execute("/bin/sh", {"-sh"});
    case protocol::JobKind::shell:
      execute("/bin/sh", {"sh", "-c", job.words[0]});
    case protocol::JobKind::program:
      execute(job.words[0], job.words);
  }
  ::_exit(126);
}

}  // namespace

pid_t start(const protocol::Job& job) {
  if (job.kind != protocol::JobKind::console && job.words.empty()) {
    errno = EINVAL;
    return -1;
  }
  const pid_t child = ::fork();
  if (child == 0) become(job);
  return child;
}

}  // namespace cv6::init
