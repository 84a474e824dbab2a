// Address spaces: faults and mappings.
#include <sys/mman.h>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

/// First touch of each page of a fresh private mapping. Mapping and unmapping are not counted.
Cost page_fault() {
  return cheapest_batch({.operations = FreshPages::pages}, [] -> std::expected<Ticks, Failure> {
    auto fresh = FreshPages::map();
    if (!fresh) return std::unexpected{fresh.error()};
    const Ticks start = now();
    for (volatile std::byte* page = fresh->begin(); page != fresh->end(); page += FreshPages::page_size) {
      *page = std::byte{1};
    }
    return now() - start;
  });
}

Cost mmap_munmap() {
  constexpr std::size_t size = 64 * 1024;
  return each({.operations = 200}, [] -> Status {
    void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return failed("mmap");
    if (::munmap(start, size) != 0) return failed("munmap");
    return {};
  });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("page_fault"), page_fault},
    {metric("mmap_munmap"), mmap_munmap},
});

}  // namespace

std::span<const Benchmark> memory_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
