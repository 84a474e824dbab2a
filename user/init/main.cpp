// /init: the first process of the guest.
//
// It asks the runner on the host, over the control port, what the machine was booted for (host/protocol), starts that
// (job.hpp), reaps every orphan, follows the terminal's size, and reports how it ended; then it switches the machine
// off. Without a control port, when somebody starts the kernel in QEMU by hand, it runs a shell on the console.
// Signals, as busybox's poweroff, reboot and halt send them: SIGUSR2, SIGTERM, SIGUSR1.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "channel.hpp"
#include "fetch.hpp"
#include "job.hpp"

namespace cv6::init {
namespace {

using protocol::Ending;
using protocol::How;
using protocol::Job;
using protocol::JobKind;
using protocol::Type;

volatile std::sig_atomic_t requested_power_off = 0;  // RB_POWER_OFF or RB_AUTOBOOT, once a signal has asked for it

void on_child(int) {}  // Only wakes the main loop, which asks wait(2) itself.
void on_power_off(int) { requested_power_off = RB_POWER_OFF; }
void on_reboot(int) { requested_power_off = RB_AUTOBOOT; }

// Signals stay blocked except while the main loop waits, so that none is missed between looking and waiting.
sigset_t catch_signals() {
  struct sigaction action{};
  action.sa_handler = on_child;
  ::sigaction(SIGCHLD, &action, nullptr);
  action.sa_handler = on_power_off;  // A halted virtual machine would only wait for somebody to switch it off.
  ::sigaction(SIGUSR1, &action, nullptr);
  ::sigaction(SIGUSR2, &action, nullptr);
  action.sa_handler = on_reboot;
  ::sigaction(SIGTERM, &action, nullptr);
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  for (const int signal : {SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM}) ::sigaddset(&blocked, signal);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  return before;
}

std::string count(unsigned long number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

void print_banner() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  const bool counted = ::sched_getaffinity(0, sizeof processors, &processors) == 0;
  struct sysinfo memory{};
  ::sysinfo(&memory);
  const unsigned long megabytes = memory.totalram * memory.mem_unit >> 20;
  write_all(1, "cv6 " CV6_VERSION ", " +
                   count(counted ? static_cast<unsigned long>(CPU_COUNT(&processors)) : 1, "processor", "processors") +
                   ", " + std::to_string(megabytes) +
                   " MB. All files are in memory: nothing persists yet.\n"
                   "Leave with `exit`, `poweroff` or Ctrl-A x; Ctrl-A h helps.\n");
}

class Init {
 public:
  Init() : control_(protocol::control_port), waiting_mask_(catch_signals()) {}

  [[noreturn]] void run() {
    control_.send(Type::ready, "");
    if (!control_.open()) start_job(Job{});
    while (true) {
      reap();
      if (requested_power_off) finish(Ending{How::exited, 0}, requested_power_off);
      wait();
    }
  }

 private:
  // Waits for a signal or a frame of the host, and handles the frame.
  void wait() {
    pollfd port{.fd = control_.descriptor(), .events = POLLIN, .revents = 0};
    const int ready = ::ppoll(&port, control_.open() ? 1 : 0, nullptr, &waiting_mask_);
    if (ready <= 0 || port.revents == 0) return;
    Type type{};
    std::string payload;
    if (!control_.receive(type, payload)) return;
    if (type == Type::window) resize(payload);
    if (type == Type::job && job_ < 0) receive_job(payload);
  }

  void receive_job(const std::string& payload) {
    Job job;
    if (!decode(payload, job)) {
      control_.send(Type::message, "the job that the host sent cannot be understood");
      finish(Ending{How::exited, 126}, RB_POWER_OFF);
    }
    fetch_ = job.fetch;
    start_job(job);
  }

  void start_job(const Job& job) {
    if (job.kind == JobKind::console) print_banner();
    on_console_ = job.kind == JobKind::console;
    job_ = start(job);
    if (job_ >= 0) return;
    control_.send(Type::message, std::string("starting the job: ") + ::strerror(errno));
    finish(Ending{How::exited, 126}, RB_POWER_OFF);
  }

  void resize(const std::string& payload) {
    protocol::Window window{};
    if (!protocol::decode(payload, window)) return;
    const winsize size{.ws_row = window.rows, .ws_col = window.columns, .ws_xpixel = 0, .ws_ypixel = 0};
    const int console = ::open(console_path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (console < 0) return;
    ::ioctl(console, TIOCSWINSZ, &size);
    ::close(console);
  }

  void reap() {
    int status = 0;
    for (pid_t child = 0; (child = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (child == job_) finish(ending_of(status), RB_POWER_OFF);
    }
  }

  // A person at the console has ended the session when the shell ends, whatever its last command was.
  Ending ending_of(int status) const {
    if (WIFSIGNALED(status)) return {How::signalled, static_cast<std::uint32_t>(WTERMSIG(status))};
    if (on_console_) return {How::exited, 0};
    return {How::exited, static_cast<std::uint32_t>(WEXITSTATUS(status))};
  }

  [[noreturn]] void finish(Ending ending, int how) {
    send_files(fetch_);
    if (on_console_) end_processes();
    control_.send(Type::ended, protocol::encode(ending));
    ::sync();
    ::reboot(how);
    control_.send(Type::message, std::string("switching the machine off: ") + ::strerror(errno));
    while (true) ::pause();
  }

  // Asks every process to end, and ends those that do not within a second.
  static void end_processes() {
    ::kill(-1, SIGTERM);
    ::kill(-1, SIGCONT);
    if (!await_children(1)) {
      ::kill(-1, SIGKILL);
      await_children(1);
    }
  }

  // Waits until no process is left; false after `seconds`. All are children in the end, as their parents go.
  static bool await_children(int seconds) {
    sigset_t child_signal;
    ::sigemptyset(&child_signal);
    ::sigaddset(&child_signal, SIGCHLD);
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const time_t deadline = now.tv_sec + seconds;
    while (true) {
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      if (errno == ECHILD) return true;
      ::clock_gettime(CLOCK_MONOTONIC, &now);
      if (now.tv_sec > deadline) return false;
      const timespec limit{.tv_sec = 0, .tv_nsec = 200'000'000};
      ::sigtimedwait(&child_signal, nullptr, &limit);
    }
  }

  Channel control_;
  sigset_t waiting_mask_;
  pid_t job_ = -1;
  bool on_console_ = false;
  std::vector<std::string> fetch_;
};

// The kernel starts the first process with the console open; one that is started in another way opens it.
void ensure_standard_descriptors() {
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0) ::open(console_path, O_RDWR | O_NOCTTY);
  }
}

}  // namespace
}  // namespace cv6::init

int main() {
  if (::getpid() != 1) {
    cv6::init::write_all(2, "init: runs as the first process only\n");
    return 1;
  }
  cv6::init::ensure_standard_descriptors();
  constexpr std::string_view name = "cv6";
  ::sethostname(name.data(), name.size());
  cv6::init::Init().run();
}
