// What benchmarks acquire, each released by its destructor, so that one that fails half way disturbs no later one.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <utility>

#include "harness.hpp"

namespace cv6::bench {

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() { close(); }

  static std::expected<File, Failure> open(const char* path, int flags) {
    const int descriptor = ::open(path, flags | O_CLOEXEC, 0644);
    if (descriptor < 0) return failed("open");
    return File{descriptor};
  }

  [[nodiscard]] int descriptor() const { return descriptor_; }

  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

inline Status open_and_close(const char* path) {
  const int descriptor = ::open(path, O_RDONLY);
  if (descriptor < 0) return failed("open");
  if (::close(descriptor) != 0) return failed("close");
  return {};
}

struct Pipe {
  File read_end;
  File write_end;

  static std::expected<Pipe, Failure> create() {
    int ends[2];
    if (::pipe(ends) != 0) return failed("pipe");
    return Pipe{File{ends[0]}, File{ends[1]}};
  }
};

/// Sends back each byte it gets, until there are no more.
inline void echo(const File& input, const File& output) {
  char byte;
  while (::read(input.descriptor(), &byte, 1) == 1) {
    if (::write(output.descriptor(), &byte, 1) != 1) return;
  }
}

/// One byte to who does that, and back.
inline Status send_and_receive(const File& there, const File& back) {
  char byte = 1;
  if (::write(there.descriptor(), &byte, 1) != 1) return failed("write");
  if (::read(back.descriptor(), &byte, 1) != 1) return failed("read");
  return {};
}

/// A program without libc that exits at once.
inline constexpr const char* small_program = "/bench/small";

/// Waits for `child`, which must have exited with status 0.
inline Status reap(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return failed("waitpid");
  if (status != 0) return failed("child", 0);
  return {};
}

inline Status fork_and_reap() {
  const pid_t child = ::fork();
  if (child < 0) return failed("fork");
  if (child == 0) ::_exit(0);
  return reap(child);
}

/// A thread that ends at once, and is waited for.
inline Status create_and_join() {
  pthread_t thread;
  if (const int error = ::pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr); error != 0) {
    return failed("pthread_create", error);
  }
  if (const int error = ::pthread_join(thread, nullptr); error != 0) return failed("pthread_join", error);
  return {};
}

inline constexpr const char* program_environment[] = {"PATH=/bin", nullptr};

/// Runs a program to its end, which must be a good one. Words end with a null. By vfork, as shells do; posix_spawn of the C
/// library asks first what is done about each signal, 122 calls.
inline Status run(const char* path, const char* const* words) {
  const pid_t child = ::vfork();
  if (child < 0) return failed("vfork");
  if (child == 0) {
    ::execve(path, const_cast<char**>(words), const_cast<char**>(program_environment));
    ::_exit(127);
  }
  return reap(child);
}

/// A process beside the measuring one; killed and waited for at the end.
class Companion {
 public:
  Companion(Companion&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Companion& operator=(Companion&&) = delete;
  ~Companion() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  /// Runs `body()` in a new process, which exits when it returns.
  template <typename Body>
  static std::expected<Companion, Failure> start(Body&& body) {
    const pid_t pid = ::fork();
    if (pid < 0) return failed("fork");
    if (pid == 0) {
      body();
      ::_exit(0);
    }
    return Companion{pid};
  }

 private:
  explicit Companion(pid_t pid) : pid_(pid) {}

  pid_t pid_;
};

/// A process with a pipe to it and one back.
class PipePartner {
 public:
  /// Runs `body(from us, to us)` in it. It sees the end of our pipe, and we that of its, when the other process ends.
  template <typename Body>
  static std::expected<PipePartner, Failure> start(Body&& body) {
    auto there = Pipe::create();
    if (!there) return std::unexpected{there.error()};
    auto back = Pipe::create();
    if (!back) return std::unexpected{back.error()};
    auto process = Companion::start([&] {
      there->write_end.close();
      body(there->read_end, back->write_end);
    });
    if (!process) return std::unexpected{process.error()};
    return PipePartner{std::move(there->write_end), std::move(back->read_end), std::move(*process)};
  }
  /// One that sends back each byte.
  static std::expected<PipePartner, Failure> start_echo() { return start(echo); }

  [[nodiscard]] const File& there() const { return there_; }
  [[nodiscard]] const File& back() const { return back_; }
  [[nodiscard]] Status round_trip() const { return send_and_receive(there_, back_); }

 private:
  PipePartner(File there, File back, Companion process)
      : there_(std::move(there)), back_(std::move(back)), process_(std::move(process)) {}

  File there_;
  File back_;
  Companion process_;
};

/// Memory to touch for the first time, with an inaccessible page at each end. They keep the kernel from joining it with
/// its neighbours, and at less than 2 MB it then has no room for a huge page: every page is a fault of its own.
class FreshPages {
 public:
  static constexpr std::size_t page_size = 4096;
  static constexpr std::size_t pages = 256;

  FreshPages(FreshPages&& other) noexcept : reserved_(std::exchange(other.reserved_, nullptr)) {}
  FreshPages& operator=(FreshPages&& other) noexcept {
    std::swap(reserved_, other.reserved_);
    return *this;
  }
  ~FreshPages() {
    if (reserved_ != nullptr) ::munmap(reserved_, reserved_size);
  }

  static std::expected<FreshPages, Failure> map() {
    void* reserved = ::mmap(nullptr, reserved_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED) return failed("mmap");
    FreshPages fresh{static_cast<std::byte*>(reserved)};
    if (::mprotect(fresh.begin(), pages * page_size, PROT_READ | PROT_WRITE) != 0) return failed("mprotect");
    return fresh;
  }

  [[nodiscard]] std::byte* begin() const { return reserved_ + page_size; }
  [[nodiscard]] std::byte* end() const { return begin() + pages * page_size; }

 private:
  static constexpr std::size_t reserved_size = (pages + 2) * page_size;

  explicit FreshPages(std::byte* reserved) : reserved_(reserved) {}

  std::byte* reserved_;
};

inline constexpr std::size_t mapping_size = 64 * 1024;

inline Status map_and_unmap() {
  void* start = ::mmap(nullptr, mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return failed("mmap");
  if (::munmap(start, mapping_size) != 0) return failed("munmap");
  return {};
}

}  // namespace cv6::bench
