// Names: files found, made, renamed and listed. All of them live in /tmp, in memory on both systems.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

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
  return each({.operations = 250}, [] { return open_and_close(TemporaryFile::path); });
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

/// Eight directories, one in the other, and a file in the last, as long as the object lives.
class DeepFile {
 public:
  DeepFile(const DeepFile&) = delete;
  DeepFile& operator=(const DeepFile&) = delete;
  DeepFile() : created_(create()) {}
  ~DeepFile() {
    ::unlink(path);
    std::string folder = path;
    while ((folder.resize(folder.rfind('/'))), folder != "/tmp") ::rmdir(folder.c_str());
  }
  static constexpr const char* path = "/tmp/one/two/three/four/five/six/seven/eight/x";

  [[nodiscard]] const Status& created() const { return created_; }

 private:
  static Status create() {
    const std::string whole = path;
    for (std::size_t at = whole.find('/', 5); at != std::string::npos; at = whole.find('/', at + 1)) {
      if (::mkdir(whole.substr(0, at).c_str(), 0755) != 0) return failed("mkdir");
    }
    return File::open(path, O_RDWR | O_CREAT).transform([](File) {});
  }

  Status created_;
};

Cost open_close_deep() {
  const DeepFile file;
  if (!file.created()) return std::unexpected{file.created().error()};
  return each({.operations = 250}, [] { return open_and_close(DeepFile::path); });
}

Cost stat_missing() {
  return each({.operations = 500}, [] -> Status {
    struct stat status;
    if (::stat("/tmp/nothing", &status) == 0) return failed("stat", 0);
    return {};
  });
}

Cost create_unlink() {
  return each({.operations = 100}, [] -> Status {
    const int descriptor = ::open("/tmp/made", O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (descriptor < 0) return failed("open");
    ::close(descriptor);
    if (::unlink("/tmp/made") != 0) return failed("unlink");
    return {};
  });
}

/// There and back in turn, so that the file has its own name again after an even number of them.
Cost rename_file() {
  const TemporaryFile file;
  if (!file.created()) return std::unexpected{file.created().error()};
  const char* name = TemporaryFile::path;
  const char* other = "/tmp/other";
  return each({.operations = 200}, [&] -> Status {
    if (::rename(name, other) != 0) return failed("rename");
    std::swap(name, other);
    return {};
  });
}

Cost mkdir_rmdir() {
  return each({.operations = 100}, [] -> Status {
    if (::mkdir("/tmp/folder", 0755) != 0) return failed("mkdir");
    if (::rmdir("/tmp/folder") != 0) return failed("rmdir");
    return {};
  });
}

/// Each entry a file of its own, or all of them names of one file: so many files would not fit into the memory.
enum class Entries { files, links };

/// A directory with `count` names, as long as the object lives.
class TemporaryDirectory {
 public:
  static constexpr const char* path = "/tmp/directory";

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  TemporaryDirectory(unsigned count, Entries entries) : count_(count), created_(create(count, entries)) {}
  ~TemporaryDirectory() {
    for (unsigned i = 0; i < count_; ++i) ::unlink(Name{i}.text);
    ::rmdir(path);
  }

  [[nodiscard]] const Status& created() const { return created_; }

 private:
  struct Name {
    explicit Name(unsigned number) { std::snprintf(text, sizeof text, "%s/file-%u", path, number); }
    char text[40];
  };

  static Status create(unsigned count, Entries entries) {
    if (::mkdir(path, 0755) != 0) return failed("mkdir");
    for (unsigned i = 0; i < count; ++i) {
      if (i != 0 && entries == Entries::links) {
        if (::link(Name{0}.text, Name{i}.text) != 0) return failed("link");
      } else if (auto file = File::open(Name{i}.text, O_WRONLY | O_CREAT); !file) {
        return std::unexpected{file.error()};
      }
    }
    return {};
  }

  unsigned count_;
  Status created_;
};

Cost list(Plan plan, unsigned count, Entries entries) {
  const TemporaryDirectory directory{count, entries};
  if (!directory.created()) return std::unexpected{directory.created().error()};
  auto opened = File::open(TemporaryDirectory::path, O_RDONLY | O_DIRECTORY);
  if (!opened) return std::unexpected{opened.error()};
  return each(plan, [&] -> Status {
    alignas(8) static char buffer[16384];
    if (::lseek(opened->descriptor(), 0, SEEK_SET) != 0) return failed("lseek");
    long size;
    do {
      size = ::syscall(SYS_getdents64, opened->descriptor(), buffer, sizeof buffer);
      if (size < 0) return failed("getdents64");
    } while (size > 0);
    return {};
  });
}

Cost list_100() { return list({.operations = 20}, 100, Entries::files); }
Cost list_1000() { return list({.operations = 5, .batches = 5}, 1000, Entries::files); }
Cost list_100000() { return list({.operations = 1, .batches = 2}, 100'000, Entries::links); }

constexpr auto benchmarks = std::to_array<Benchmark>({
    {metric("open_close"), open_close},
    {metric("stat"), stat_file},
    {metric("open_close_deep"), open_close_deep},
    {metric("stat_missing"), stat_missing},
    {metric("create_unlink"), create_unlink},
    {metric("rename"), rename_file},
    {metric("mkdir_rmdir"), mkdir_rmdir},
    {metric("list_directory"), list_100},
    {metric("list_1000"), list_1000},
    {metric("list_100000"), list_100000},
});

}  // namespace

std::span<const Benchmark> name_benchmarks() { return benchmarks; }

}  // namespace cv6::bench
