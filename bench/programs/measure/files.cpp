// Names and open files. All of them live in /tmp, in memory on both systems.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "harness.hpp"
#include "resources.hpp"

namespace cv6::bench {
namespace {

/// A file for as long as the object lives.
class TemporaryFile {
 public:
  static constexpr const char* path = "/tmp/x";

  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  TemporaryFile() : created_(File::open(path, O_RDWR | O_CREAT).transform([](File) {})) {}
  ~TemporaryFile() {
    if (created_) ::unlink(path);
  }

  [[nodiscard]] const Status& created() const { return created_; }

 private:
  Status created_;
};

Cost open_close() {
  const TemporaryFile file;
  if (!file.created()) return std::unexpected{file.created().error()};
  return each({.operations = 250}, [] -> Status {
    const int descriptor = ::open(TemporaryFile::path, O_RDONLY);
    if (descriptor < 0) return failed("open");
    if (::close(descriptor) != 0) return failed("close");
    return {};
  });
}

Cost stat_file() {
  const TemporaryFile file;
  if (!file.created()) return std::unexpected{file.created().error()};
  return each({.operations = 500}, [] -> Status {
    struct stat status;
    if (::stat(TemporaryFile::path, &status) != 0) return failed("stat");
    return {};
  });
}

/// A directory of `files` empty files for as long as the object lives.
class TemporaryDirectory {
 public:
  static constexpr const char* path = "/tmp/directory";
  static constexpr unsigned files = 100;

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  TemporaryDirectory() : created_(create()) {}
  ~TemporaryDirectory() {
    for (unsigned i = 0; i < files; ++i) ::unlink(Name{i}.text);
    ::rmdir(path);
  }

  [[nodiscard]] const Status& created() const { return created_; }

 private:
  struct Name {
    explicit Name(unsigned number) { std::snprintf(text, sizeof text, "%s/file-%u", path, number); }
    char text[40];
  };

  static Status create() {
    if (::mkdir(path, 0755) != 0) return failed("mkdir");
    for (unsigned i = 0; i < files; ++i) {
      if (auto file = File::open(Name{i}.text, O_WRONLY | O_CREAT); !file) return std::unexpected{file.error()};
    }
    return {};
  }

  Status created_;
};

Cost list_directory() {
  const TemporaryDirectory directory;
  if (!directory.created()) return std::unexpected{directory.created().error()};
  auto opened = File::open(TemporaryDirectory::path, O_RDONLY | O_DIRECTORY);
  if (!opened) return std::unexpected{opened.error()};
  return each({.operations = 20}, [&] -> Status {
    alignas(8) static char entries[16384];
    if (::lseek(opened->descriptor(), 0, SEEK_SET) != 0) return failed("lseek");
    long size;
    do {
      size = ::syscall(SYS_getdents64, opened->descriptor(), entries, sizeof entries);
      if (size < 0) return failed("getdents64");
    } while (size > 0);
    return {};
  });
}

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("open_close"), open_close},
    {metric("stat"), stat_file},
    {metric("list_directory"), list_directory},
});

}  // namespace

std::span<const Benchmark> file_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
