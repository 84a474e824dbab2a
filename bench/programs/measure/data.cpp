// The contents of files that are in memory: read, written, copied.
#include <unistd.h>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t mebibyte = 1 << 20;
char block[65536];

/// A file of `size` bytes that has no name any more.
std::expected<File, Failure> file_of(std::size_t size) {
  auto file = File::open("/tmp/data", O_RDWR | O_CREAT | O_TRUNC);
  ::unlink("/tmp/data");
  for (std::size_t done = 0; file && done < size; done += sizeof block) {
    if (::write(file->descriptor(), block, sizeof block) != sizeof block) return failed("write");
  }
  return file;
}

/// The cost of `operation(descriptor)` for a page, from the start to the end of a file of 1 MB.
template <typename Operation>
Cost from_start_to_end(Operation&& operation) {
  const auto file = file_of(mebibyte);
  if (!file) return std::unexpected{file.error()};
  constexpr unsigned pages = mebibyte / page;
  return cheapest_batch({.operations = pages}, [&] -> std::expected<Ticks, Failure> {
    if (::lseek(file->descriptor(), 0, SEEK_SET) != 0) return failed("lseek");
    const Stopwatch watch;
    for (unsigned i = 0; i < pages; ++i) {
      if (operation(file->descriptor()) != static_cast<ssize_t>(page)) return failed("read or write");
    }
    return watch.stop();
  });
}

Cost read_pages() {
  return from_start_to_end([](int file) { return ::read(file, block, page); });
}

Cost write_pages() {
  return from_start_to_end([](int file) { return ::write(file, block, page); });
}

Cost append_pages() {
  return cheapest_batch({.operations = mebibyte / page}, [] -> std::expected<Ticks, Failure> {
    const auto file = file_of(0);
    if (!file) return std::unexpected{file.error()};
    const Stopwatch watch;
    for (unsigned i = 0; i < mebibyte / page; ++i) {
      if (::write(file->descriptor(), block, page) != static_cast<ssize_t>(page)) return failed("write");
    }
    return watch.stop();
  });
}

/// The cost of `operation(descriptor, offset)` for as much as a page, at offsets that are not a page's, of a file of 8 MB.
template <typename Operation>
Cost anywhere(Operation&& operation) {
  constexpr std::size_t size = 8 * mebibyte;
  const auto file = file_of(size);
  if (!file) return std::unexpected{file.error()};
  std::uint32_t random = 1;
  return each({.operations = 500}, [&] -> Status {
    random = random * 1664525 + 1013904223;  // the generator of Numerical Recipes
    const off_t at = static_cast<off_t>(random % (size - page));
    if (operation(file->descriptor(), at) != static_cast<ssize_t>(page)) return failed("pread or pwrite");
    return {};
  });
}

Cost read_anywhere() {
  return anywhere([](int file, off_t at) { return ::pread(file, block, page, at); });
}

Cost write_anywhere() {
  return anywhere([](int file, off_t at) { return ::pwrite(file, block, page, at); });
}

Cost copy_large() {
  constexpr std::size_t size = 16 * mebibyte;
  const auto from = file_of(size);
  if (!from) return std::unexpected{from.error()};
  return cheapest_batch({.operations = 1, .batches = 3}, [&] -> std::expected<Ticks, Failure> {
    const auto to = file_of(0);
    if (!to || ::lseek(from->descriptor(), 0, SEEK_SET) != 0) return failed("lseek");
    const Stopwatch watch;
    for (std::size_t done = 0; done < size; done += sizeof block) {
      if (::read(from->descriptor(), block, sizeof block) != sizeof block) return failed("read");
      if (::write(to->descriptor(), block, sizeof block) != sizeof block) return failed("write");
    }
    return watch.stop();
  });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("read_4k"), read_pages},
    {metric("read_4k_random"), read_anywhere},
    {metric("write_4k"), write_pages},
    {metric("write_4k_random"), write_anywhere},
    {metric("append_4k"), append_pages},
    {metric("copy_16mb"), copy_large},
});

}  // namespace

std::span<const Benchmark> data_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
