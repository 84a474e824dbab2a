#include "run/debugger.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <format>
#include <thread>
#include <vector>

namespace cv6::host {
namespace {

constexpr int attempts = 500;  // of 10 ms: QEMU makes the socket while it starts
constexpr useconds_t pause_us = 10'000;

[[noreturn]] void become_gdb(const std::filesystem::path& kernel, const std::filesystem::path& socket) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const std::string target = std::format("target remote {}", socket.string());
  const std::string stop = std::format("hbreak {}", first_function);
  ::execlp("gdb", "gdb", "-q", "-ex", "set pagination off", "-ex", "set confirm off", "-ex", target.c_str(), "-ex",
           stop.c_str(), "-ex", "continue", kernel.c_str(), nullptr);
  write_all(2, std::format("cv6: gdb: {}\n", std::strerror(errno)));
  ::_exit(127);
}

}  // namespace

Outcome<> start_debugger(const std::filesystem::path& kernel, const std::filesystem::path& socket, Events& events) {
  for (int attempt = 0; attempt < attempts && ::access(socket.c_str(), F_OK) != 0; ++attempt) ::usleep(pause_us);
  const pid_t child = ::fork();
  if (child < 0) return system_failure("gdb");
  if (child == 0) become_gdb(kernel, socket);
  std::thread([child, &events] {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    events.post(Events::leave);
  }).detach();
  return {};
}

}  // namespace cv6::host
