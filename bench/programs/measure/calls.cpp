// System calls that hardly do anything, and signals: what entering and leaving the kernel costs.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

Cost null_call() {
  return each({.operations = 2000}, [] -> Status {
    if (::getppid() < 0) return failed("getppid");
    return {};
  });
}

// Measured by an xv6 program itself: a thousand calls (xv6_call.cpp).
Cost xv6_call() {
  constexpr const char* program = "/bench/xv6-call";
  constexpr unsigned calls = 1000;
  int ends[2];
  if (::pipe(ends) != 0) return failed("pipe");
  const pid_t child = ::fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    char* const arguments[] = {const_cast<char*>(program), nullptr};
    if (::dup2(ends[1], 1) == 1) ::execv(program, arguments);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::uint32_t ticks = 0;
  const bool told = ::read(ends[0], &ticks, sizeof ticks) == sizeof ticks;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  if (!told) return failed(program, 0);
  return Figure{.ticks = static_cast<double>(ticks) / calls, .operations = calls};
}

Cost read_byte() {
  auto zero = File::open("/dev/zero", O_RDONLY);
  if (!zero) return std::unexpected{zero.error()};
  return each({.operations = 1000}, [&] -> Status {
    char byte;
    if (::read(zero->descriptor(), &byte, 1) != 1) return failed("read");
    return {};
  });
}

Cost write_byte() {
  auto null = File::open("/dev/null", O_WRONLY);
  if (!null) return std::unexpected{null.error()};
  return each({.operations = 1000}, [&] -> Status {
    const char byte = 0;
    if (::write(null->descriptor(), &byte, 1) != 1) return failed("write");
    return {};
  });
}

Cost read_clock() {
  return each({.operations = 1000}, [] -> Status {
    timespec time{};
    if (::clock_gettime(CLOCK_MONOTONIC, &time) != 0) return failed("clock_gettime");
    return {};
  });
}

/// The time slept passes in ticks of a nanosecond each under -icount; a tenth of a millisecond of them is not counted.
Cost sleep_shortly() {
  constexpr long asleep = 100'000;
  ::prctl(PR_SET_TIMERSLACK, 1);
  return each({.operations = 50}, [] -> Status {
           const timespec duration{.tv_sec = 0, .tv_nsec = asleep};
           if (::nanosleep(&duration, nullptr) != 0) return failed("nanosleep");
           return {};
         }).transform([](Figure cost) {
           cost.ticks -= asleep;
           return cost;
         });
}

Cost set_signal_action() {
  return each({.operations = 1000}, [] -> Status {
    struct sigaction action{};
    action.sa_handler = SIG_IGN;
    if (::sigaction(SIGUSR1, &action, nullptr) != 0) return failed("sigaction");
    return {};
  });
}

volatile unsigned signals_caught = 0;

/// Sent to the calling thread, a signal is delivered before the call that sends it returns.
Cost signal_to_self() {
  struct sigaction action{};
  action.sa_handler = [](int) { signals_caught = signals_caught + 1; };
  struct sigaction before{};
  if (::sigaction(SIGUSR1, &action, &before) != 0) return failed("sigaction");
  const long process = ::getpid();
  const long thread = ::syscall(SYS_gettid);
  Cost cost = each({.operations = 250}, [&] -> Status {
    const unsigned caught = signals_caught;
    if (::syscall(SYS_tgkill, process, thread, SIGUSR1) != 0) return failed("tgkill");
    if (signals_caught != caught + 1) return failed("signal handler", 0);
    return {};
  });
  ::sigaction(SIGUSR1, &before, nullptr);
  return cost;
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("null_call"), null_call},
    {metric("xv6_call"), xv6_call},
    {metric("read_byte"), read_byte},
    {metric("write_byte"), write_byte},
    {metric("clock_gettime"), read_clock},
    {metric("nanosleep"), sleep_shortly},
    {metric("sigaction"), set_signal_action},
    {metric("signal"), signal_to_self},
});

}  // namespace

std::span<const Benchmark> call_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
