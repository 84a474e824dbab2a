// Processes and threads: making them, ending them, switching between them.
#include <pthread.h>
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
  return each({.operations = 40}, [] -> Status {
    pthread_t thread;
    if (int error = ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr); error != 0) {
      return failed("pthread_create", error);
    }
    if (int error = ::pthread_join(thread, nullptr); error != 0) return failed("pthread_join", error);
    return {};
  });
}

Cost pipe_round_trip() {
  auto there = Pipe::create();
  if (!there) return std::unexpected{there.error()};
  auto back = Pipe::create();
  if (!back) return std::unexpected{back.error()};
  auto companion = Companion::start([&] {
    there->write_end.close();
    echo(there->read_end, back->write_end);
  });
  if (!companion) return std::unexpected{companion.error()};
  back->write_end.close();
  return each({.operations = 200}, [&] { return send_and_receive(there->write_end, back->read_end); });
}

/// Until the other process has had so many turns: not every call gives way to it at once on every system.
Cost yield_round_trip() {
  auto* const turns = static_cast<std::atomic<std::uint64_t>*>(
      ::mmap(nullptr, FreshPages::page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (turns == MAP_FAILED) return failed("mmap");
  auto companion = Companion::start([&] {
    for (;; ++*turns) ::sched_yield();
  });
  if (!companion) return std::unexpected{companion.error()};
  constexpr Plan plan{.operations = 500};
  return cheapest_batch(plan, [&] -> std::expected<Ticks, Failure> {
    const Ticks start = now();
    for (const std::uint64_t end = *turns + plan.operations; *turns < end;) ::sched_yield();
    return now() - start;
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
