// Containers: making and ending them, entering them, running a program inside, and their first write to a large file.
// Where the kernel has no containers (Linux), the same with what its programs put together for one.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containers.hpp"
#include "cv6/container.hpp"
#include "harness.hpp"
#include "linux_container.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

int do_nothing(void*) {
  for (;;) ::pause();
}

int run_small(void*) {
  ::execl(small_program, small_program, nullptr);
  return 127;
}

Cost create_destroy() {
  return each(kernel_has_containers() ? Plan{.operations = 20} : Plan{.operations = 5, .batches = 5}, create_and_destroy);
}

Cost linux_join_leave() {
  const auto home = LinuxHome::open();
  if (!home) return std::unexpected{home.error()};
  return each({.operations = 5, .batches = 5}, [&] {
    return LinuxContainer::create(do_nothing).and_then([&](LinuxContainer container) -> Status {
      if (const Status joined = container.join(); !joined) return joined;
      if (const Status back = home->come_back(); !back) return back;
      return container.destroy();
    });
  });
}

Cost join_leave() {
  if (!kernel_has_containers()) return linux_join_leave();
  return each({.operations = 20}, [] -> Status {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    if (join_container(id) != 0) return failed("join_container");
    if (leave_container() != 0) return failed("leave_container");
    if (destroy_container(id) != 0) return failed("destroy_container");
    return {};
  });
}

/// Starts the small program in the container and waits for its end.
Status run_in(int id) {
  const char* const arguments[] = {small_program, nullptr};
  ContainerSpawn wanted;
  wanted.id = id;
  wanted.path = small_program;
  wanted.arguments = arguments;
  const pid_t child = spawn_container(wanted);
  if (child < 0) return failed("spawn_container");
  return reap(child);
}

// Created, a program started as its first process, waited for, destroyed.
Cost run_program() {
  if (!kernel_has_containers()) {
    return each({.operations = 5, .batches = 5}, [] {
      return LinuxContainer::create(run_small).and_then([](LinuxContainer container) { return container.wait_and_remove(); });
    });
  }
  return each({.operations = 10}, [] -> Status {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    if (const Status ran = run_in(id); !ran) return ran;
    if (destroy_container(id) != 0) return failed("destroy_container");
    return {};
  });
}

/// As nsenter(1) does it: a process joins, and its child is the one inside.
Status enter_and_run(const LinuxContainer& container) {
  const pid_t visitor = ::fork();
  if (visitor < 0) return failed("fork");
  if (visitor != 0) return reap(visitor);
  if (!container.join()) ::_exit(1);
  const pid_t child = ::vfork();
  if (child == 0) ::_exit(run_small(nullptr));
  ::_exit(child > 0 && reap(child) ? 0 : 1);
}

// A program started in a container that is there, and waited for.
Cost enter_running() {
  if (!kernel_has_containers()) {
    const auto container = LinuxContainer::create(do_nothing);
    if (!container) return std::unexpected{container.error()};
    return each({.operations = 5}, [&] { return enter_and_run(*container); });
  }
  const int id = create_container({});
  if (id < 0) return failed("create_container");
  const Cost cost = each({.operations = 10}, [&] { return run_in(id); });
  if (destroy_container(id) != 0) return failed("destroy_container");
  return cost;
}

// One byte of a file of 8 MB that the container shares with the host: opened, written, closed, by a process that joined.
constexpr const char* large_file = "/large";

std::expected<Ticks, Failure> write_one_byte() {
  const Stopwatch watch;
  const int file = ::open(large_file, O_WRONLY);
  if (file < 0 || ::pwrite(file, "x", 1, 4 << 20) != 1) return failed("open");
  ::close(file);
  return watch.stop();
}

int report_write(void* pipe) {
  const auto ticks = write_one_byte();
  return ticks && ::write(static_cast<Pipe*>(pipe)->write_end.descriptor(), &*ticks, sizeof *ticks) == sizeof *ticks ? 0 : 1;
}

/// By its first process. The copy that it made goes with the machine.
std::expected<Ticks, Failure> linux_first_write() {
  auto pipe = Pipe::create();
  if (!pipe) return std::unexpected{pipe.error()};
  auto container = LinuxContainer::create(report_write, &*pipe);
  if (!container) return std::unexpected{container.error()};
  Ticks ticks = 0;
  if (::read(pipe->read_end.descriptor(), &ticks, sizeof ticks) != sizeof ticks) return failed("write", 0);
  return ticks;
}

std::expected<Ticks, Failure> first_write_by_joining() {
  const int id = create_container({});
  if (id < 0) return failed("create_container");
  if (join_container(id) != 0) return failed("join_container");
  const auto ticks = write_one_byte();
  if (leave_container() != 0) return failed("leave_container");
  if (destroy_container(id) != 0) return failed("destroy_container");
  return ticks;
}

Cost first_write() {
  {
    auto file = File::open(large_file, O_CREAT | O_WRONLY);
    if (!file) return std::unexpected{file.error()};
    static char block[1 << 20];
    for (int i = 0; i < 8; ++i)
      if (::write(file->descriptor(), block, sizeof block) != sizeof block) return failed("write");
  }
  const Cost cost = kernel_has_containers() ? cheapest_batch({.operations = 1}, first_write_by_joining)
                                            : cheapest_batch({.operations = 1, .batches = 3}, linux_first_write);
  ::unlink(large_file);
  return cost;
}

// By the command that people type; each is the system's own.
Cost run_by_command() {
  const char* const box[] = {"box", "run", "--rm", small_program, nullptr};
  const char* const crun[] = {"crun", "--cgroup-manager=cgroupfs", "run", "--bundle", "/bench/bundle", "bench", nullptr};
  const char* const program = kernel_has_containers() ? "/bin/box" : "/bin/crun";
  if (::access(program, X_OK) != 0) return failed(program);
  return each({.operations = 2, .batches = 3}, [&] { return run(program, kernel_has_containers() ? box : crun); });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("container"), create_destroy},
    {metric("container_join_leave"), join_leave},
    {metric("container_run"), run_program},
    {metric("container_enter"), enter_running},
    {metric("container_command"), run_by_command},
    {metric("container_first_write"), first_write},
});

}  // namespace

bool kernel_has_containers() {
  errno = 0;
  cid();
  return errno != ENOSYS;
}

Status create_and_destroy() {
  if (!kernel_has_containers()) {
    return LinuxContainer::create(do_nothing).and_then([](LinuxContainer container) { return container.destroy(); });
  }
  const int id = create_container({});
  if (id < 0) return failed("create_container");
  if (destroy_container(id) != 0) return failed("destroy_container");
  return {};
}

std::span<const Benchmark> container_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
