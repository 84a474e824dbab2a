#include "copy_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "descriptor.hpp"
#include "ending.hpp"
#include "failure.hpp"

namespace cv6::box {
namespace {

class Copy {
 public:
  Copy(Viewer& viewer, const Place& from, const Place& to, const CopyRules& rules)
      : viewer_(viewer), from_(from), to_(to), rules_(rules) {}
  void run() {
    see_source();
    struct stat status;
    if (::lstat(from_.path.c_str(), &status) != 0) fail(from_, "");
    device_ = status.st_dev;
    copy("", status);
  }

 private:
  // `name` is what follows the paths of source and target: empty, or begins with a slash.
  void copy(const std::string& name, const struct stat& status);
  void copy_entries(const std::string& name);
  void copy_directory(const std::string& name, const struct stat& status);
  bool make_directory(const std::string& name);
  void copy_file(const std::string& name, struct stat status);
  void copy_data(int source, int target, const std::string& name, std::uint64_t size);
  void copy_link(const std::string& name, const struct stat& status);
  bool link_again(const std::string& name, const struct stat& status);
  void make_way(const std::string& name);

  void see_source() { viewer_.see(from_.container); }
  void see_target() { viewer_.see(to_.container); }
  std::string source(const std::string& name) const { return from_.path + name; }
  std::string target(const std::string& name) const { return to_.path + name; }
  [[noreturn]] void fail(const Place& place, const std::string& name) const { throw system_failure(place.shown + name); }

  Viewer& viewer_;
  const Place& from_;
  const Place& to_;
  const CopyRules& rules_;
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> copied_;  // of files with several names: the first
};

// Whatever has the name is removed, unless it is a directory.
void Copy::make_way(const std::string& name) {
  if (::unlink(target(name).c_str()) != 0 && errno != ENOENT) fail(to_, name);
}

void Copy::copy_entries(const std::string& name) {
  for (const std::string& entry : names_in(source(name), from_.shown + name)) {
    const std::string inner = name + "/" + entry;
    if (rules_.left_out.contains(inner)) continue;
    see_source();
    struct stat status;
    if (look_at(source(inner), from_.shown + inner, status)) copy(inner, status);
  }
}

// False: there is one already, perhaps by a link.
bool Copy::make_directory(const std::string& name) {
  if (::mkdir(target(name).c_str(), 0700) == 0) return true;
  struct stat there;
  if (errno != EEXIST || ::stat(target(name).c_str(), &there) != 0) fail(to_, name);
  if (!S_ISDIR(there.st_mode)) throw Failure(to_.shown + name + ": is a file, and a directory is to be copied there");
  return false;
}

void Copy::copy_directory(const std::string& name, const struct stat& status) {
  see_target();
  const bool is_new = make_directory(name);
  see_source();
  const bool is_mounted = rules_.mounts == CopyRules::Mounts::leave_out && status.st_dev != device_;
  const bool is_copy = source(name) == to_.path && !name.empty();  // a container may see the copy that is being made of it
  if (!is_mounted && !is_copy && !is_proc(source(name), status, device_)) copy_entries(name);
  see_target();
  const Descriptor directory(::open(target(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (is_new ? O_NOFOLLOW : 0)));
  if (directory < 0 || !set_attributes(directory, status, rules_.owners)) fail(to_, name);
}

// So much at most, even if the file grows as fast as it is copied.
void Copy::copy_data(int source, int target, const std::string& name, std::uint64_t size) {
  ssize_t count = 0;
  for (; size > 0; size -= static_cast<std::uint64_t>(count)) {
    stop_if_ending();
    if ((count = ::copy_file_range(source, nullptr, target, nullptr, std::min<std::uint64_t>(size, SSIZE_MAX), 0)) <= 0) break;
  }
  if (count >= 0) return;
  if (errno != EINVAL && errno != EOPNOTSUPP && errno != EXDEV) fail(to_, name);
  char buffer[65536];
  for (; size > 0; size -= static_cast<std::uint64_t>(count)) {
    stop_if_ending();
    if ((count = ::read(source, buffer, std::min<std::uint64_t>(size, sizeof buffer))) <= 0) break;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = ::write(target, buffer + done, static_cast<std::size_t>(count - done));
      if (written < 0) fail(to_, name);
      done += written;
    }
  }
  if (count < 0) fail(from_, name);
}

void Copy::copy_file(const std::string& name, struct stat status) {
  constexpr std::uint64_t most_without_size = 16 << 20;  // files of /proc do not say how much is in them
  see_source();
  const Descriptor source_file = open_source(source(name), from_.shown + name, status);
  if (source_file < 0 && name.empty()) fail(from_, name);  // all that was wanted
  if (source_file < 0 || link_again(name, status)) return;
  see_target();
  make_way(name);
  const Descriptor target_file(::open(target(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (target_file < 0) fail(to_, name);
  copy_data(source_file, target_file, name, status.st_size ? static_cast<std::uint64_t>(status.st_size) : most_without_size);
  if (!set_attributes(target_file, status, rules_.owners)) fail(to_, name);
}

void Copy::copy_link(const std::string& name, const struct stat& status) {
  see_source();
  const std::optional<std::string> text = link_text(source(name), from_.shown + name, status);
  if (!text || link_again(name, status)) return;
  see_target();
  make_way(name);
  if (::symlink(text->c_str(), target(name).c_str()) != 0) fail(to_, name);
  if (!set_attributes(target(name), status, rules_.owners)) fail(to_, name);
}

// One that has been copied by another name.
bool Copy::link_again(const std::string& name, const struct stat& status) {
  if (S_ISDIR(status.st_mode) || status.st_nlink < 2) return false;
  const auto [first, is_new] = copied_.try_emplace({status.st_dev, status.st_ino}, target(name));
  if (is_new) return false;
  see_target();
  make_way(name);
  if (::link(first->second.c_str(), target(name).c_str()) != 0) fail(to_, name);
  return true;
}

void Copy::copy(const std::string& name, const struct stat& status) {
  stop_if_ending();
  if (S_ISDIR(status.st_mode)) return copy_directory(name, status);
  if (rules_.mounts == CopyRules::Mounts::leave_out && status.st_dev != device_) return;
  if (S_ISSOCK(status.st_mode)) return;  // of no use without who listens
  if (S_ISREG(status.st_mode)) return copy_file(name, status);
  if (S_ISLNK(status.st_mode)) return copy_link(name, status);
  if (link_again(name, status)) return;
  see_target();
  make_way(name);
  if (!make_node(target(name), status) || !set_attributes(target(name), status, rules_.owners)) fail(to_, name);
}

}  // namespace

bool look_at(const std::string& path, const std::string& shown, struct stat& status) {
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT) throw system_failure(shown);
  return false;
}

Descriptor open_source(const std::string& path, const std::string& shown, struct stat& status) {
  Descriptor file = open_unwaiting(path, O_NOFOLLOW);
  if (file < 0 && errno == ENOENT) return file;
  struct stat opened;
  const auto exchanged = [&] {
    return Failure(shown + ": is another thing now than when it was found (try again, or `box pause` the container)");
  };
  if (file < 0 && (errno == ELOOP || errno == ENXIO)) throw exchanged();
  if (file < 0 || ::fstat(file, &opened) != 0) throw system_failure(shown);
  if (!S_ISREG(opened.st_mode) || opened.st_dev != status.st_dev) throw exchanged();
  status = opened;  // it may be another file: many a program replaces one by a newer one
  return file;
}

std::vector<std::string> names_in(const std::string& path, const std::string& shown) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (descriptor < 0 && errno == ENOENT) return {};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(descriptor < 0 ? nullptr : ::fdopendir(descriptor), ::closedir);
  if (!directory) throw system_failure(shown);
  descriptor.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0 && errno != ENOENT) throw system_failure(shown);
  return names;
}

std::optional<std::string> link_text(const std::string& path, const std::string& shown, const struct stat& status) {
  std::string text(static_cast<std::size_t>(status.st_size) + 1, '\0');
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  if (size < 0 && errno == ENOENT) return std::nullopt;
  if (size < 0) throw system_failure(shown);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

bool set_attributes(int file, const struct stat& status, CopyRules::Owners owners) {
  const bool keep = owners == CopyRules::Owners::keep;
  const timespec times[] = {status.st_atim, status.st_mtim};
  return ::fchown(file, keep ? status.st_uid : 0, keep ? status.st_gid : 0) == 0 && ::fchmod(file, status.st_mode & 07777) == 0 &&
         ::futimens(file, times) == 0;
}

bool set_attributes(const std::string& path, const struct stat& status, CopyRules::Owners owners) {
  const bool keep = owners == CopyRules::Owners::keep;
  const timespec times[] = {status.st_atim, status.st_mtim};
  return ::lchown(path.c_str(), keep ? status.st_uid : 0, keep ? status.st_gid : 0) == 0 &&
         ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0;
}

// chmod(2) by name would follow a link that somebody has put there meanwhile.
bool make_node(const std::string& path, const struct stat& status) {
  const mode_t mask = ::umask(0);
  const bool made = ::mknod(path.c_str(), status.st_mode, status.st_rdev) == 0;
  const int error = errno;
  ::umask(mask);
  errno = error;
  return made;
}

bool is_proc(const std::string& path, const struct stat& status, dev_t top) {
  struct statfs file_system;
  return status.st_dev != top && ::statfs(path.c_str(), &file_system) == 0 && file_system.f_type == PROC_SUPER_MAGIC;
}

void copy_tree(Viewer& viewer, const Place& from, const Place& to, const CopyRules& rules) {
  Copy(viewer, from, to, rules).run();
  viewer.see(viewer.here());
}

CopyRules image_rules() { return {CopyRules::Owners::keep, CopyRules::Mounts::leave_out, {"/var/lib/box"}}; }

}  // namespace cv6::box
