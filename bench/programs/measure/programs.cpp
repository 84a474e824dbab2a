// Whole programs: started by posix_spawn, from small processes and large ones, and what busybox does all day.
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

constexpr const char* busybox_program = "/bin/busybox";

template <typename... Words>
Status busybox(Words... words) {
  const char* const arguments[] = {"busybox", words..., nullptr};
  return run(busybox_program, arguments);
}

Status spawn(const char* path, const char* const* words) {
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, path, nullptr, nullptr, const_cast<char**>(words), const_cast<char**>(program_environment));
  if (error != 0) return failed("posix_spawn", error);
  return reap(child);
}

Status spawn_small_once() {
  const char* const arguments[] = {small_program, nullptr};
  return spawn(small_program, arguments);
}

Cost spawn_small() { return each({.operations = 10}, spawn_small_once); }

Cost spawn_busybox() {
  const char* const arguments[] = {"busybox", "true", nullptr};
  return each({.operations = 10}, [&] { return spawn(busybox_program, arguments); });
}

/// 64 MB, in small pages, all of them written.
class LargeMemory {
 public:
  LargeMemory(const LargeMemory&) = delete;
  LargeMemory& operator=(const LargeMemory&) = delete;
  LargeMemory() : start_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (start_ == MAP_FAILED) return;
    ::madvise(start_, size, MADV_NOHUGEPAGE);
    for (std::size_t at = 0; at < size; at += FreshPages::page_size) static_cast<volatile char*>(start_)[at] = 1;
  }
  ~LargeMemory() {
    if (start_ != MAP_FAILED) ::munmap(start_, size);
  }
  explicit operator bool() const { return start_ != MAP_FAILED; }

 private:
  static constexpr std::size_t size = 64 << 20;
  void* start_;
};

Cost fork_large() {
  const LargeMemory memory;
  if (!memory) return failed("mmap");
  return each({.operations = 1, .batches = 5}, fork_and_reap);
}

Cost spawn_from_large() {
  const LargeMemory memory;
  if (!memory) return failed("mmap");
  return each({.operations = 10}, spawn_small_once);
}

/// The cost of a command line of the shell.
Cost shell(const char* line) {
  return each({.operations = 1, .batches = 3}, [&] { return busybox("sh", "-c", line); });
}

Cost shell_forks() { return shell("i=0; while [ $i -lt 200 ]; do (:); i=$((i+1)); done"); }

/// 1,000 small files in 30 directories, as long as the object lives.
class Tree {
 public:
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  Tree() : made_(busybox("sh", "-c",
                         "mkdir /tmp/tree; cd /tmp/tree; i=0; while [ $i -lt 1000 ]; do mkdir -p d$((i%30)); "
                         "echo file $i > d$((i%30))/file$i; i=$((i+1)); done")) {}
  ~Tree() { (void)busybox("rm", "-rf", "/tmp/tree", "/tmp/tree.tar"); }
  [[nodiscard]] const Status& made() const { return made_; }

 private:
  Status made_;
};

Cost find() {
  const Tree tree;
  if (!tree.made()) return std::unexpected{tree.made().error()};
  return shell("find /tmp/tree -name nothing");
}

Cost tar() {
  const Tree tree;
  if (!tree.made()) return std::unexpected{tree.made().error()};
  return shell("tar -cf /tmp/tree.tar -C /tmp tree");
}

/// `command` on a file of 1 MB.
Cost on_a_megabyte(const char* command) {
  static char text[1 << 20];
  for (std::size_t i = 0; i < sizeof text; ++i) text[i] = static_cast<char>('a' + i * i % 23);
  auto file = File::open("/tmp/megabyte", O_WRONLY | O_CREAT);
  if (!file) return std::unexpected{file.error()};
  if (::write(file->descriptor(), text, sizeof text) != sizeof text) return failed("write");
  const Cost cost = shell(command);
  ::unlink("/tmp/megabyte");
  return cost;
}

Cost gzip() { return on_a_megabyte("gzip -c /tmp/megabyte > /dev/null"); }

Cost sha256sum() { return on_a_megabyte("sha256sum /tmp/megabyte > /dev/null"); }

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("spawn_wait"), spawn_small},
    {metric("spawn_busybox_wait"), spawn_busybox},
    {metric("fork_64mb_wait"), fork_large},
    {metric("spawn_64mb_wait"), spawn_from_large},
    {metric("shell_200_forks"), shell_forks},
    {metric("find"), find},
    {metric("tar"), tar},
    {metric("gzip"), gzip},
    {metric("sha256sum"), sha256sum},
});

}  // namespace

std::span<const Benchmark> program_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
