// What the system-call gate of a container costs a call that passes it.
#include <sys/syscall.h>

#include "cv6/container.hpp"
#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

// A container, empty again and removed at the end.
class Box {
 public:
  Box(Box&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Box& operator=(Box&&) = delete;
  ~Box() {
    if (id_ >= 0) destroy_container(id_);
  }
  static std::expected<Box, Failure> create() {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    return Box(id);
  }
  [[nodiscard]] int id() const { return id_; }

 private:
  explicit Box(int id) : id_(id) {}
  int id_;
};

Cost null_call() {
  return each({.operations = 2000}, [] -> Status {
    if (::getppid() < 0) return failed("getppid");
    return {};
  });
}

// getppid by a process of the container.
Cost null_call_inside(const Box& box) {
  auto pipe = Pipe::create();
  if (!pipe) return std::unexpected{pipe.error()};
  auto inside = Companion::start([&] {
    if (join_container(box.id()) != 0) return;
    const Cost cost = null_call();
    if (cost && ::write(pipe->write_end.descriptor(), &*cost, sizeof *cost) < 0) return;
  });
  if (!inside) return std::unexpected{inside.error()};
  pipe->write_end.close();
  Figure cost{};
  if (::read(pipe->read_end.descriptor(), &cost, sizeof cost) != sizeof cost) return failed("join_container", 0);
  return cost;
}

Cost with_policy() {
  auto box = Box::create();
  if (!box) return std::unexpected{box.error()};
  ContainerPolicy policy;
  policy.id = box->id();
  policy.operation = ContainerPolicy::Operation::replace;
  policy.denied.add(SYS_reboot);
  if (container_policy(policy) != 0) return failed("container_policy");
  return null_call_inside(*box);
}

Cost with_log(std::uint32_t what) {
  auto box = Box::create();
  if (!box) return std::unexpected{box.error()};
  ContainerLog log;
  log.id = box->id();
  log.operation = ContainerLog::Operation::set;
  log.what = what;
  log.capacity = 1024;
  if (container_log(log) != 0) return failed("container_log");
  return null_call_inside(*box);
}

Cost counted() { return with_log(ContainerLog::counts); }
Cost recorded() { return with_log(ContainerLog::records); }

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("null_call_policy"), with_policy},
    {metric("null_call_counted"), counted},
    {metric("null_call_recorded"), recorded},
});

}  // namespace

std::span<const Benchmark> gate_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
