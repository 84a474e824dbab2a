#include "run/qemu.hpp"

#include <fcntl.h>
extern "C" {  // which the header of glibc 2.36 lacks
#include <sys/pidfd.h>
}
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "common/process.hpp"

namespace cv6::host {
namespace {

// In the child. QEMU gets a process group of its own: what is typed at the terminal is not meant for it.
[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<int>& inherited,
                         const std::filesystem::path& complaints, pid_t runner) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != runner) ::_exit(1);
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDWR);
  const int errors = ::open(complaints.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  ::dup2(null, 0);
  ::dup2(null, 1);
  ::dup2(errors, 2);
  for (const int descriptor : inherited) ::fcntl(descriptor, F_SETFD, 0);
  execute(command);
}

}  // namespace

Outcome<Qemu> Qemu::start(const std::vector<std::string>& command, const std::vector<int>& inherited,
                          const std::filesystem::path& complaints) {
  const pid_t runner = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return system_failure("starting QEMU");
  if (child == 0) become(command, inherited, complaints, runner);
  Descriptor handle(::pidfd_open(child, 0));
  Qemu qemu(child, std::move(handle), complaints);
  if (!qemu.handle_.open()) return system_failure("watching QEMU");
  return qemu;
}

Qemu::~Qemu() {
  if (process_ < 0) return;
  kill();
  wait();
}

int Qemu::wait() {
  while (process_ >= 0 && ::waitpid(process_, &status_, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  return status_;
}

void Qemu::kill() {
  if (process_ >= 0) ::kill(process_, SIGKILL);
}

std::string Qemu::complaints() const {
  std::string text = read_text(complaints_).value_or("");
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace cv6::host
