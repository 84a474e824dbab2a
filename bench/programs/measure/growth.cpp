// How costs grow: the same operations beside many other processes, open files and mappings.
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

/// That many processes that wait for ever.
std::expected<std::vector<Companion>, Failure> sleepers(int count) {
  std::vector<Companion> all;
  for (int i = 0; i < count; ++i) {
    auto one = Companion::start([] {
      for (;;) ::pause();
    });
    if (!one) return std::unexpected{one.error()};
    all.push_back(std::move(*one));
  }
  return all;
}

Cost fork_among_processes() {
  const auto others = sleepers(1000);
  if (!others) return std::unexpected{others.error()};
  return each({.operations = 10}, fork_and_reap);
}

constexpr int many = 10'000;

Cost open_among_files() {
  const rlimit enough{.rlim_cur = many + 100, .rlim_max = many + 100};
  if (::setrlimit(RLIMIT_NOFILE, &enough) != 0) return failed("setrlimit");
  std::vector<File> others;
  for (int i = 0; i < many; ++i) {
    auto file = File::open("/dev/null", O_RDONLY);
    if (!file) return std::unexpected{file.error()};
    others.push_back(std::move(*file));
  }
  return each({.operations = 250}, [] { return open_and_close("/dev/null"); });
}

/// Every second page of a range has another protection, so that none is joined with the next.
Cost map_among_mappings() {
  constexpr std::size_t size = many * FreshPages::page_size;
  auto* const start =
      static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (start == MAP_FAILED) return failed("mmap");
  for (std::size_t at = 0; at < size; at += 2 * FreshPages::page_size) {
    if (::mprotect(start + at, FreshPages::page_size, PROT_NONE) != 0) return failed("mprotect");
  }
  return each({.operations = 200}, map_and_unmap);
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("fork_among_1000"), fork_among_processes},
    {metric("open_among_10000"), open_among_files},
    {metric("mmap_among_10000"), map_among_mappings},
});

}  // namespace

std::span<const Benchmark> growth_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
