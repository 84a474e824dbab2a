// Processes and threads: making them, ending them, switching between them.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

Cost fork_wait() { return each({.operations = 10}, fork_and_reap); }

[[noreturn]] void execute_small_program() {
  char* const arguments[] = {const_cast<char*>(small_program), nullptr};
  char* const environment[] = {nullptr};
  ::execve(small_program, arguments, environment);
  ::_exit(127);
}

Cost fork_exec_wait() {
  if (::access(small_program, X_OK) != 0) return failed(small_program);
  return each({.operations = 10}, [] -> Status {
    const pid_t child = ::fork();
    if (child < 0) return failed("fork");
    if (child == 0) execute_small_program();
    return reap(child);
  });
}

Cost vfork_exec_wait() {
  if (::access(small_program, X_OK) != 0) return failed(small_program);
  return each({.operations = 10}, [] -> Status {
    const pid_t child = ::vfork();
    if (child < 0) return failed("vfork");
    if (child == 0) execute_small_program();
    return reap(child);
  });
}

Cost thread_join() {
  return each({.operations = 40}, create_and_join);
}

Cost pipe_round_trip() {
  const auto partner = PipePartner::start_echo();
  if (!partner) return std::unexpected{partner.error()};
  return each({.operations = 200}, [&] { return partner->round_trip(); });
}

enum class Turn { mine, its };

/// Each gives the turn to the other and yields until it has it back, so that there are two switches in every round trip:
/// not every call gives way at once on every system.
Cost yield_round_trip() {
  auto* const turn = static_cast<std::atomic<Turn>*>(
      ::mmap(nullptr, FreshPages::page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (turn == MAP_FAILED) return failed("mmap");
  const auto pass = [turn](Turn from, Turn to) {
    turn->store(to);
    while (turn->load() != from) ::sched_yield();
  };
  auto companion = Companion::start([&] {
    while (turn->load() != Turn::its) ::sched_yield();
    for (;;) pass(Turn::its, Turn::mine);
  });
  if (!companion) return std::unexpected{companion.error()};
  return each({.operations = 500}, [&] -> Status {
    pass(Turn::mine, Turn::its);
    return {};
  });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("fork_wait"), fork_wait},
    {metric("fork_exec_wait"), fork_exec_wait},
    {metric("vfork_exec_wait"), vfork_exec_wait},
    {metric("thread_join"), thread_join},
    {metric("pipe_round_trip"), pipe_round_trip},
    {metric("yield_round_trip"), yield_round_trip},
});

}  // namespace

std::span<const Benchmark> process_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
