#include "archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <map>
#include <memory>
#include <vector>

#include "descriptor.hpp"
#include "ending.hpp"
#include "failure.hpp"

namespace cv6::box {
namespace {

struct Free {
  void operator()(archive* archive) const { ::archive_free(archive); }
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using Archive = std::unique_ptr<archive, Free>;
using ArchiveEntry = std::unique_ptr<archive_entry, Free>;

// libarchive turns names into UTF-8 and back, which are the same in this locale.
void use_utf8_names() { std::setlocale(LC_CTYPE, "C.UTF-8"); }

// --- writing ----------------------------------------------------------------------------------------------------------

class Packer {
 public:
  Packer(int descriptor, const CopyRules& rules) : archive_(::archive_write_new()), rules_(rules) {
    use_utf8_names();
    check(::archive_write_set_format_pax_restricted(archive_.get()));
    check(::archive_write_open_fd(archive_.get(), descriptor));
  }
  void add_tree(const std::string& path, const std::string& name) {
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0) throw system_failure(path);
    device_ = status.st_dev;
    root_ = path;
    add(path, name, status);
  }
  void finish() { check(::archive_write_close(archive_.get())); }

 private:
  void check(int outcome) const {
    if (outcome < ARCHIVE_WARN) throw Failure(std::string("writing the archive: ") + ::archive_error_string(archive_.get()));
  }
  void add(const std::string& path, const std::string& name, struct stat status);
  bool is_again(archive_entry* entry, const std::string& name, const struct stat& status);
  void add_data(int file, const std::string& path, std::uint64_t size);
  void add_entries(const std::string& path, const std::string& name);

  Archive archive_;
  const CopyRules& rules_;
  std::string root_;
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> names_;  // of files with several: the first
};

// Exactly as much as the header says, should the file change meanwhile.
void Packer::add_data(int file, const std::string& path, std::uint64_t size) {
  char buffer[65536];
  while (size > 0) {
    stop_if_ending();
    ssize_t count = ::read(file, buffer, std::min<std::uint64_t>(size, sizeof buffer));
    if (count < 0) throw system_failure(path);
    if (count == 0) {
      count = static_cast<ssize_t>(std::min<std::uint64_t>(size, sizeof buffer));
      std::fill_n(buffer, count, '\0');
    }
    if (::archive_write_data(archive_.get(), buffer, static_cast<std::size_t>(count)) < 0) check(ARCHIVE_FATAL);
    size -= static_cast<std::uint64_t>(count);
  }
}

void Packer::add_entries(const std::string& path, const std::string& name) {
  std::vector<std::string> entries = names_in(path, path);
  std::ranges::sort(entries);
  for (const std::string& entry : entries) {
    const std::string inner = path + (path.ends_with('/') ? "" : "/") + entry;
    if (rules_.left_out.contains(inner)) continue;
    struct stat status;
    if (look_at(inner, inner, status)) add(inner, name.empty() ? entry : name + "/" + entry, status);
  }
}

// It has been added under another name.
bool Packer::is_again(archive_entry* entry, const std::string& name, const struct stat& status) {
  if (S_ISDIR(status.st_mode) || status.st_nlink < 2) return false;
  const auto [first, is_new] = names_.try_emplace({status.st_dev, status.st_ino}, name);
  if (is_new) return false;
  ::archive_entry_set_hardlink(entry, first->second.c_str());
  ::archive_entry_unset_size(entry);
  return true;
}

// What is in it is found before its header is written, which cannot be taken back should it have gone.
void Packer::add(const std::string& path, const std::string& name, struct stat status) {
  stop_if_ending();
  const bool mounted = rules_.mounts == CopyRules::Mounts::leave_out && status.st_dev != device_;
  if ((mounted && !S_ISDIR(status.st_mode)) || S_ISSOCK(status.st_mode)) return;
  if (!name.empty()) {
    const ArchiveEntry entry(::archive_entry_new());
    const bool is_file = S_ISREG(status.st_mode);
    const Descriptor file = is_file ? open_source(path, path, status) : Descriptor(-1);
    if (is_file && file < 0) return;
    ::archive_entry_copy_stat(entry.get(), &status);
    ::archive_entry_set_pathname(entry.get(), name.c_str());
    if (S_ISLNK(status.st_mode)) {
      const std::optional<std::string> text = link_text(path, path, status);
      if (!text) return;
      ::archive_entry_set_symlink(entry.get(), text->c_str());
    }
    const bool again = is_again(entry.get(), name, status);
    check(::archive_write_header(archive_.get(), entry.get()));
    if (is_file && !again) add_data(file, path, static_cast<std::uint64_t>(status.st_size));
  }
  if (S_ISDIR(status.st_mode) && !mounted && !is_proc(path, status, device_)) add_entries(path, name);
}

// --- reading ----------------------------------------------------------------------------------------------------------

class Unpacker {
 public:
  Unpacker(int descriptor, std::string directory, std::string shown, CopyRules::Owners owners)
      : archive_(::archive_read_new()),
        descriptor_(descriptor),
        directory_(std::move(directory)),
        shown_(std::move(shown)),
        owners_(owners) {
    use_utf8_names();
    for (const auto support : {::archive_read_support_format_tar, ::archive_read_support_format_cpio,
                               ::archive_read_support_format_empty, ::archive_read_support_filter_gzip,
                               ::archive_read_support_filter_xz})
      support(archive_.get());
    if (::archive_read_open(archive_.get(), this, nullptr, read, nullptr) != ARCHIVE_OK) fail();
  }
  void run() {
    archive_entry* entry;
    int outcome;
    while ((outcome = ::archive_read_next_header(archive_.get(), &entry)) != ARCHIVE_EOF) {
      if (outcome < ARCHIVE_WARN) fail();
      stop_if_ending();
      unpack(entry);
    }
    // What was put into a directory has changed its time.
    for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) set_directory_attributes(at->first, at->second);
  }

 private:
  // As libarchive does it itself, but that it would go on waiting when a signal has come.
  static la_ssize_t read(archive* archive, void* unpacker, const void** block) {
    auto& self = *static_cast<Unpacker*>(unpacker);
    *block = self.buffer_.data();
    ssize_t count = -1;
    do {
      if (is_ending()) break;
      count = ::read(self.descriptor_, self.buffer_.data(), self.buffer_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) ::archive_set_error(archive, errno, "%s", std::strerror(errno));
    return count;
  }
  [[noreturn]] void fail() const {
    stop_if_ending();
    const char* why = ::archive_error_string(archive_.get());
    throw Failure(shown_ + ": " + (why ? why : "it cannot be read") + " (tar and cpio are known, also compressed by gzip or xz)");
  }
  void unpack(archive_entry* entry);
  void unpack_file(const std::string& path, archive_entry* entry);
  void unpack_link(const std::string& path, const char* to, archive_entry* entry);
  Descriptor open_linked(const std::string& path) const;
  void unpack_data(int file, const std::string& path, archive_entry* entry);
  void make_directory(const std::string& path, archive_entry* entry);
  void make_directories_above(const std::string& name);
  void set_attributes(const auto& file, const std::string& path, struct stat status) const;
  void set_directory_attributes(const std::string& path, const struct stat& status) const;
  std::string inside(const char* name) const;

  Archive archive_;
  int descriptor_;
  std::vector<char> buffer_ = std::vector<char>(65536);
  std::string directory_, shown_;
  CopyRules::Owners owners_;
  std::vector<std::pair<std::string, struct stat>> directories_;
};

// The name without what does not matter in it; empty: the directory itself.
std::string Unpacker::inside(const char* name) const {
  if (!name) throw Failure(shown_ + ": it has a name that cannot be read");
  std::string result;
  std::string_view rest(name);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part == "..") throw Failure(shown_ + ": the name " + name + " leads out of where it is unpacked");
    if (!part.empty() && part != ".") result.append("/").append(part);
  }
  return result;
}

void Unpacker::make_directories_above(const std::string& name) {
  for (std::size_t at = name.find('/', 1); at != std::string::npos; at = name.find('/', at + 1))
    if (::mkdir((directory_ + name.substr(0, at)).c_str(), 0755) != 0 && errno != EEXIST)
      throw system_failure(name.substr(0, at));
}

// An archive has one time for each file. `file`: a path, or what is open.
void Unpacker::set_attributes(const auto& file, const std::string& path, struct stat status) const {
  status.st_atim = status.st_mtim;
  if (!box::set_attributes(file, status, owners_)) throw system_failure(path);
}

// What a name added to a file stands for may be anything that is there already, such as a device.
Descriptor Unpacker::open_linked(const std::string& path) const {
  constexpr int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) throw system_failure(path);
  Descriptor file(S_ISREG(status.st_mode) ? ::open(path.c_str(), flags) : -1);
  if (S_ISREG(status.st_mode) && file < 0) throw system_failure(path);
  if (file < 0 || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
    throw Failure(shown_ + ": " + path + " has data, and is another name of what is not a regular file");
  if (::ftruncate(file, 0) != 0) throw system_failure(path);
  return file;
}

// Holes stay holes.
void Unpacker::unpack_data(int file, const std::string& path, archive_entry* entry) {
  const void* block;
  std::size_t size;
  la_int64_t offset;
  int outcome;
  while ((outcome = ::archive_read_data_block(archive_.get(), &block, &size, &offset)) == ARCHIVE_OK)
    for (std::size_t done = 0; done < size;) {
      stop_if_ending();
      const ssize_t written = ::pwrite(file, static_cast<const char*>(block) + done, size - done, offset + static_cast<off_t>(done));
      if (written < 0) throw system_failure(path);
      done += static_cast<std::size_t>(written);
    }
  if (outcome != ARCHIVE_EOF) fail();
  if (::ftruncate(file, ::archive_entry_size(entry)) != 0) throw system_failure(path);
}

void Unpacker::unpack_file(const std::string& path, archive_entry* entry) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file < 0) throw system_failure(path);
  unpack_data(file, path, entry);
  set_attributes(static_cast<int>(file), path, *::archive_entry_stat(entry));
}

// In cpio, the last name of a file brings what is in it.
void Unpacker::unpack_link(const std::string& path, const char* to, archive_entry* entry) {
  if (::link((directory_ + inside(to)).c_str(), path.c_str()) != 0) throw system_failure(path);
  if (::archive_entry_size(entry) == 0) return;
  const Descriptor file = open_linked(path);
  unpack_data(file, path, entry);
  set_attributes(static_cast<int>(file), path, *::archive_entry_stat(entry));
}

void Unpacker::set_directory_attributes(const std::string& path, const struct stat& status) const {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory < 0) throw system_failure(path);
  set_attributes(static_cast<int>(directory), path, status);
}

void Unpacker::make_directory(const std::string& path, archive_entry* entry) {
  struct stat there;
  if (::mkdir(path.c_str(), 0755) != 0) {
    const bool is_directory = errno == EEXIST && ::lstat(path.c_str(), &there) == 0 && S_ISDIR(there.st_mode);
    const bool replaced = !is_directory && ::unlink(path.c_str()) == 0 && ::mkdir(path.c_str(), 0755) == 0;
    if (!is_directory && !replaced) throw system_failure(path);
  }
  directories_.emplace_back(path, *::archive_entry_stat(entry));
}

void Unpacker::unpack(archive_entry* entry) {
  const std::string name = inside(::archive_entry_pathname(entry));
  const struct stat status = *::archive_entry_stat(entry);
  const std::string path = directory_ + name;
  const char* hard_link = ::archive_entry_hardlink(entry);
  if (name.empty()) {  // the directory itself, which is there
    if (S_ISDIR(status.st_mode)) directories_.emplace_back(directory_ + "/", status);
    return;
  }
  make_directories_above(name);
  if (!hard_link && S_ISDIR(status.st_mode)) return make_directory(path, entry);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw system_failure(path);
  if (hard_link) return unpack_link(path, hard_link, entry);
  if (S_ISREG(status.st_mode)) return unpack_file(path, entry);
  if (S_ISLNK(status.st_mode)) {
    const char* text = ::archive_entry_symlink(entry);
    if (::symlink(text ? text : "", path.c_str()) != 0) throw system_failure(path);
  } else if (!make_node(path, status)) {
    throw system_failure(path);
  }
  set_attributes(path, path, status);
}

}  // namespace

void pack(const std::string& path, const std::string& name, int descriptor, const CopyRules& rules) {
  Packer packer(descriptor, rules);
  packer.add_tree(path, name);
  packer.finish();
}

void unpack(int descriptor, const std::string& directory, const std::string& shown, CopyRules::Owners owners) {
  Unpacker(descriptor, directory == "/" ? "" : directory, shown, owners).run();
}

}  // namespace cv6::box
