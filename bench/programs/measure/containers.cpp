// Containers: making and ending them, entering them, running a program inside, and their first write to a large file.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cv6/container.hpp"
#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

Status create_and_destroy() {
  const int id = create_container({});
  if (id < 0) return failed("create_container");
  if (destroy_container(id) != 0) return failed("destroy_container");
  return {};
}

Cost create_destroy() { return each({.operations = 20}, create_and_destroy); }

// The same beside a thousand others: what grows with their number would show.
Cost create_destroy_among() {
  constexpr int others = 1000;
  int first = -1;
  for (int i = 0; i < others; ++i) {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    if (first < 0) first = id;
  }
  const Cost cost = create_destroy();
  for (int i = 0; i < others; ++i)
    if (destroy_container(first + i) != 0) return failed("destroy_container");
  return cost;
}

Cost join_leave() {
  return each({.operations = 20}, [] -> Status {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    if (join_container(id) != 0) return failed("join_container");
    if (leave_container() != 0) return failed("leave_container");
    if (destroy_container(id) != 0) return failed("destroy_container");
    return {};
  });
}

// Created, a program started as its first process, waited for, destroyed.
Cost run_program() {
  if (::access(small_program, X_OK) != 0) return failed(small_program);
  return each({.operations = 10}, [] -> Status {
    const char* const arguments[] = {small_program, nullptr};
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    ContainerSpawn wanted;
    wanted.id = id;
    wanted.path = small_program;
    wanted.arguments = arguments;
    const pid_t child = spawn_container(wanted);
    if (child < 0) return failed("spawn_container");
    if (const Status ended = reap(child); !ended) return ended;
    if (destroy_container(id) != 0) return failed("destroy_container");
    return {};
  });
}

// One byte of a file of 8 MB that the container shares with the host: opened, written, closed, by a process that joined.
Cost first_write() {
  const char* const path = "/tmp/large";
  {
    auto file = File::open(path, O_CREAT | O_WRONLY);
    if (!file) return std::unexpected{file.error()};
    static char block[1 << 20];
    for (int i = 0; i < 8; ++i)
      if (::write(file->descriptor(), block, sizeof block) != sizeof block) return failed("write");
  }
  const Cost cost = cheapest_batch({.operations = 1}, [&] -> std::expected<Ticks, Failure> {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    if (join_container(id) != 0) return failed("join_container");
    const Ticks start = now();
    const int file = ::open(path, O_WRONLY);
    if (file < 0 || ::pwrite(file, "x", 1, 4 << 20) != 1) return failed("open");
    ::close(file);
    const Ticks ticks = now() - start;
    if (leave_container() != 0) return failed("leave_container");
    if (destroy_container(id) != 0) return failed("destroy_container");
    return ticks;
  });
  ::unlink(path);
  return cost;
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("container"), create_destroy},
    {metric("container_among_1000"), create_destroy_among},
    {metric("container_join_leave"), join_leave},
    {metric("container_run"), run_program},
    {metric("container_first_write"), first_write},
});

}  // namespace

std::span<const Benchmark> container_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
