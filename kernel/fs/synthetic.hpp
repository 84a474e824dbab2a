// Files that are made up when somebody looks: the framework for procfs (and the little of sysfs that is needed).
//
//   class UptimeFile : public SyntheticFile { Result<void> generate(TextBuffer& out) override { ... } };
//   SyntheticDirectory::add(...) for what is always there; override child()/list() for what comes and goes ([pid]).
//
// Everything is generated in the context of the thread that reads, so contents may depend on who looks (the current
// process' container). A text is generated once per open file, at the first read (and again at a read from position 0),
// and then read piecewise: what a program sees in one pass is consistent. Modes, owners and times are as made: all containers
// see the same files, so nobody changes what they are (Error::perm).
#pragma once

#include <limits>

#include "fs/file.hpp"
#include "fs/inode.hpp"
#include "lib/format.hpp"
#include "lib/string.hpp"

namespace cv6 {

// A growing text. Writing never fails; `complete()` says whether all fitted into memory.
class TextBuffer final : public Output {
 public:
  ~TextBuffer();
  void write(std::string_view text) override;
  bool complete() const { return complete_; }
  std::string_view view() const { return {bytes_, size_}; }
  void clear() { size_ = 0; }

 private:
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  bool complete_ = true;
};

class SyntheticFileSystem : public FileSystem {
 public:
  SyntheticFileSystem(std::string_view type_name, std::uint64_t magic) : type_name_(type_name), magic_(magic) {}
  std::string_view type_name() const override { return type_name_; }
  FileSystemStatus status() override;
  InView in_view() const override { return InView::as_it_is; }

 private:
  std::string_view type_name_;
  std::uint64_t magic_;
};

// A file with generated text, and perhaps a meaning when written (/proc/sys).
class SyntheticFile : public Inode {
 public:
  SyntheticFile(Ref<FileSystem> file_system, Mode mode, std::uint32_t user = 0, std::uint32_t group = 0);
  // Error::srch when what it is about is gone.
  virtual Result<void> generate(TextBuffer& out) = 0;
  // One write's text (at most a page). Default: Error::acces.
  virtual Result<void> store(std::string_view text);
  Result<Ref<File>> open(const Path& path, OpenFlags flags) override;
  Result<void> truncate(std::uint64_t) override { return {}; }  // `> /proc/sys/...` opens with O_TRUNC
  Result<void> change_attributes(const AttributeChange&) override { return Error::perm; }
};

// A file with generated text from a plain function: for tables.
using Generate = Result<void> (*)(TextBuffer& out);
using Store = Result<void> (*)(std::string_view text);
Result<Ref<Inode>> make_synthetic_file(Ref<FileSystem> file_system, Mode mode, Generate generate, Store store = nullptr);

// A directory: fixed children, and by overriding child() and list() dynamic ones as well.
class SyntheticDirectory : public Inode {
 public:
  SyntheticDirectory(Ref<FileSystem> file_system, Mode mode = 0555, std::uint32_t user = 0, std::uint32_t group = 0);
  ~SyntheticDirectory() override;

  // At boot, or when it is made: a child that stays. Error::nomem. `name` is copied.
  Result<void> add(std::string_view name, Ref<Inode> child);
  // add() of a SyntheticDirectory; returns it.
  Result<Ref<SyntheticDirectory>> add_directory(std::string_view name, Mode mode = 0555);

  // Dynamic children. child(): Error::noent. list(): those from `position` on, positions of its own choice, first_... to
  // last_dynamic_position, which stay valid (with a pid or a descriptor number, an int, added to the first); emit with
  // sink.entry(..., next position); stop when that returns false; leave `position` at the next one, or beyond all.
  static constexpr std::uint64_t first_dynamic_position = 0x10000;
  static constexpr std::uint64_t last_dynamic_position = first_dynamic_position + std::numeric_limits<int>::max();
  virtual Result<Ref<Inode>> child(std::string_view name);
  virtual Result<void> list(std::uint64_t& position, DirectorySink& sink);

  Result<Ref<Inode>> lookup(std::string_view name) final;
  Result<void> iterate(std::uint64_t& position, DirectorySink& sink) final;
  Result<void> change_attributes(const AttributeChange&) override { return Error::perm; }

 protected:
  // Children (or their absence) may change: walks ask every time. Call in the constructor if child() is overridden.
  void set_dynamic() { set_entry_caching(EntryCaching::never); }

 private:
  struct Entry;
  Vector<Own<Entry>> entries_;  // does not change once it is visible
};

// A symlink whose text is generated (/proc/self).
class SyntheticLink : public Inode {
 public:
  SyntheticLink(Ref<FileSystem> file_system, Mode mode = 0777, std::uint32_t user = 0, std::uint32_t group = 0);
  virtual Result<void> generate(Output& out) = 0;
  Result<std::size_t> read_link(std::span<char> to) override;
  Result<void> change_attributes(const AttributeChange&) override { return Error::perm; }
};

// A link that leads directly to a place (/proc/PID/fd/N): target() says where (File::place()), generate() what readlink
// shows.
class MagicLink : public SyntheticLink {
 public:
  using SyntheticLink::SyntheticLink;
  virtual Result<Path> target() = 0;
  bool is_magic_link() const final { return true; }
  Result<Path> follow_magic_link() final;
};

}  // namespace cv6
