// How costs grow: the same operations beside other processes, open files, mappings and containers, from one to many.
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "containers.hpp"
#include "cv6/container.hpp"
#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

/// That many processes that wait for ever.
std::expected<std::vector<Companion>, Failure> sleepers(unsigned count) {
  std::vector<Companion> all;
  for (unsigned i = 0; i < count; ++i) {
    auto one = Companion::start([] {
      for (;;) ::pause();
    });
    if (!one) return std::unexpected{one.error()};
    all.push_back(std::move(*one));
  }
  return all;
}

Cost fork_among_processes(unsigned count) {
  const auto others = sleepers(count);
  if (!others) return std::unexpected{others.error()};
  return each({.operations = 10}, fork_and_reap);
}

Cost open_among_files(unsigned count) {
  const rlimit enough{.rlim_cur = count + 100, .rlim_max = count + 100};
  if (::setrlimit(RLIMIT_NOFILE, &enough) != 0) return failed("setrlimit");
  std::vector<File> others;
  for (unsigned i = 0; i < count; ++i) {
    auto file = File::open("/dev/null", O_RDONLY);
    if (!file) return std::unexpected{file.error()};
    others.push_back(std::move(*file));
  }
  return each({.operations = 250}, [] { return open_and_close("/dev/null"); });
}

/// Every second page of a range has another protection, so that none is joined with the next.
Cost map_among_mappings(unsigned count) {
  const std::size_t size = count * FreshPages::page_size;
  auto* const start =
      static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (start == MAP_FAILED) return failed("mmap");
  for (std::size_t at = 0; at < size; at += 2 * FreshPages::page_size) {
    if (::mprotect(start + at, FreshPages::page_size, PROT_NONE) != 0) return failed("mprotect");
  }
  return each({.operations = 200}, map_and_unmap);
}

Cost create_among_containers(unsigned count) {
  std::vector<int> others;
  for (unsigned i = 0; i < count; ++i) {
    const int id = create_container({});
    if (id < 0) return failed("create_container");
    others.push_back(id);
  }
  const Cost cost = each({.operations = 20}, create_and_destroy);
  for (const int id : others) destroy_container(id);
  return cost;
}

constexpr auto benchmarks = std::to_array<SeriesBenchmark>({
    {series("among_processes"), fork_among_processes},
    {series("among_files"), open_among_files},
    {series("among_mappings"), map_among_mappings},
    {series("among_containers"), create_among_containers},
});

}  // namespace

std::span<const SeriesBenchmark> growth_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
