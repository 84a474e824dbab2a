#include "run/accelerator.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "common/files.hpp"

namespace cv6::host {
namespace {

constexpr int patience_ms = 2000;
constexpr int proven = 43;  // QEMU's exit status when the guest has run

[[noreturn]] void become_probe(const std::filesystem::path& probe) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};  // A QEMU that cannot work with this KVM aborts.
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) ::dup2(null, standard);
  ::execlp("qemu-system-x86_64", "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display",
           "none", "-M", "microvm,acpi=off", "-accel", "kvm", "-cpu", "max", "-m", "16", "-device",
           "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", probe.c_str(), nullptr);
  ::_exit(127);
}

bool kvm_works(const std::filesystem::path& probe) {
  // The child holds the write end until it is gone, so the read end tells when that is, with a limit.
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) return false;
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  const pid_t child = ::fork();
  if (child == 0) become_probe(probe);
  ::close(ends[1]);
  pollfd gone{.fd = ends[0], .events = POLLIN, .revents = 0};
  const bool in_time = child > 0 && ::poll(&gone, 1, patience_ms) == 1;
  ::close(ends[0]);
  if (child <= 0) return false;
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  // A process that is stuck in the kernel cannot even be killed; it is left behind, not waited for.
  const pid_t reaped = ::waitpid(child, &status, in_time ? 0 : WNOHANG);
  return in_time && reaped == child && WIFEXITED(status) && WEXITSTATUS(status) == proven;
}

}  // namespace

Accelerator choose_accelerator(const std::filesystem::path& probe, const std::filesystem::path& memory) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) return Accelerator::tcg;
  const std::string boot = read_text("/proc/sys/kernel/random/boot_id").value_or("");
  const std::string known = read_text(memory).value_or("");
  if (!boot.empty() && known == "kvm " + boot) return Accelerator::kvm;
  if (!boot.empty() && known == "tcg " + boot) return Accelerator::tcg;
  const Accelerator chosen = kvm_works(probe) ? Accelerator::kvm : Accelerator::tcg;
  // Not being able to remember only costs the next run its time.
  const std::filesystem::path unfinished = memory.string() + "." + std::to_string(::getpid());
  if (const auto file = create_file(unfinished)) {
    write_all(file->number(), (chosen == Accelerator::kvm ? "kvm " : "tcg ") + boot);
    std::error_code error;
    std::filesystem::rename(unfinished, memory, error);
  }
  return chosen;
}

}  // namespace cv6::host
