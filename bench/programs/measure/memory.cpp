// Address spaces: faults and mappings.
#include <sys/mman.h>
#include <unistd.h>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

void touch_each(const FreshPages& fresh) {
  for (volatile std::byte* page = fresh.begin(); page != fresh.end(); page += FreshPages::page_size) *page = std::byte{1};
}

/// The time that it takes.
Ticks time_to_touch(const FreshPages& fresh) {
  const Stopwatch watch;
  touch_each(fresh);
  return watch.stop();
}

/// First touch of each page of a fresh private mapping. Mapping and unmapping are not counted.
Cost page_fault() {
  return cheapest_batch({.operations = FreshPages::pages}, [] -> std::expected<Ticks, Failure> {
    auto fresh = FreshPages::map();
    if (!fresh) return std::unexpected{fresh.error()};
    return time_to_touch(*fresh);
  });
}

/// Written by a process while its child, which stays until it is killed, shares all pages.
Cost copy_on_write_fault() {
  return cheapest_batch({.operations = FreshPages::pages}, [] -> std::expected<Ticks, Failure> {
    auto fresh = FreshPages::map();
    if (!fresh) return std::unexpected{fresh.error()};
    touch_each(*fresh);
    auto child = Companion::start([] {
      for (;;) ::pause();
    });
    if (!child) return std::unexpected{child.error()};
    return time_to_touch(*fresh);
  });
}

/// Every page of a file of 1 MB that is in memory. The kernel may map several at once.
Cost file_fault() {
  constexpr const char* path = "/tmp/mapped";
  constexpr std::size_t size = FreshPages::pages * FreshPages::page_size;
  auto file = File::open(path, O_RDWR | O_CREAT);
  if (!file) return std::unexpected{file.error()};
  ::unlink(path);
  static char block[size];
  block[0] = 1;
  if (::write(file->descriptor(), block, size) != static_cast<ssize_t>(size)) return failed("write");
  return cheapest_batch({.operations = FreshPages::pages}, [&] -> std::expected<Ticks, Failure> {
    auto* const start = static_cast<volatile char*>(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->descriptor(), 0));
    if (start == MAP_FAILED) return failed("mmap");
    const Stopwatch watch;
    for (std::size_t at = 0; at < size; at += FreshPages::page_size) (void)start[at];
    const Ticks ticks = watch.stop();
    ::munmap(const_cast<char*>(start), size);
    return ticks;
  });
}

Cost mmap_munmap() { return each({.operations = 200}, map_and_unmap); }

/// Of the middle of a mapping, with pages in it: it is split and becomes one again.
Cost change_protection() {
  auto fresh = FreshPages::map();
  if (!fresh) return std::unexpected{fresh.error()};
  touch_each(*fresh);
  return each({.operations = 200}, [&] -> Status {
    if (::mprotect(fresh->begin() + mapping_size, mapping_size, PROT_READ) != 0) return failed("mprotect");
    if (::mprotect(fresh->begin() + mapping_size, mapping_size, PROT_READ | PROT_WRITE) != 0) return failed("mprotect");
    return {};
  });
}

Cost move_break() {
  return each({.operations = 200}, [] -> Status {
    if (::sbrk(mapping_size) == reinterpret_cast<void*>(-1)) return failed("brk");
    if (::sbrk(-static_cast<intptr_t>(mapping_size)) == reinterpret_cast<void*>(-1)) return failed("brk");
    return {};
  });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("page_fault"), page_fault},
    {metric("copy_on_write_fault"), copy_on_write_fault},
    {metric("file_fault"), file_fault},
    {metric("mmap_munmap"), mmap_munmap},
    {metric("mprotect"), change_protection},
    {metric("brk"), move_break},
});

}  // namespace

std::span<const Benchmark> memory_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
