#include "copy_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <map>
#include <vector>

#include "descriptor.hpp"
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
  void copy_file(const std::string& name, const struct stat& status);
  void copy_data(int source, int target, const std::string& name);
  void copy_link(const std::string& name, const struct stat& status);
  bool link_again(const std::string& name, const struct stat& status);
  void make_way(const std::string& name);
  void set_attributes(const std::string& name, const struct stat& status);

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

void Copy::set_attributes(const std::string& name, const struct stat& status) {
  if (!box::set_attributes(target(name), status, rules_.owners)) fail(to_, name);
}

void Copy::copy_entries(const std::string& name) {
  for (const std::string& entry : names_in(source(name))) {
    const std::string inner = name + "/" + entry;
    if (rules_.left_out.contains(inner)) continue;
    see_source();
    struct stat status;
    if (::lstat(source(inner).c_str(), &status) == 0) copy(inner, status);  // else it has just gone
  }
}

void Copy::copy_directory(const std::string& name, const struct stat& status) {
  see_target();
  if (::mkdir(target(name).c_str(), 0700) != 0) {
    struct stat there;
    if (errno != EEXIST || ::stat(target(name).c_str(), &there) != 0) fail(to_, name);
    if (!S_ISDIR(there.st_mode)) throw Failure(to_.shown + name + ": is a file, and a directory is to be copied there");
  }
  see_source();
  const bool is_mounted = rules_.mounts == CopyRules::Mounts::leave_out && status.st_dev != device_;
  const bool is_copy = source(name) == to_.path && !name.empty();  // a container may see the copy that is being made of it
  if (!is_mounted && !is_copy && !is_proc(source(name), status, device_)) copy_entries(name);
  see_target();
  set_attributes(name, status);
}

void Copy::copy_data(int source, int target, const std::string& name) {
  ssize_t count;
  while ((count = ::copy_file_range(source, nullptr, target, nullptr, SSIZE_MAX, 0)) > 0) {
  }
  if (count == 0) return;
  if (errno != EINVAL && errno != EOPNOTSUPP && errno != EXDEV) fail(to_, name);
  char buffer[65536];
  while ((count = ::read(source, buffer, sizeof buffer)) > 0)
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = ::write(target, buffer + done, static_cast<std::size_t>(count - done));
      if (written < 0) fail(to_, name);
      done += written;
    }
  if (count < 0) fail(from_, name);
}

void Copy::copy_file(const std::string& name, const struct stat& status) {
  see_source();
  const Descriptor source_file(::open(source(name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (source_file < 0) fail(from_, name);
  see_target();
  make_way(name);
  const Descriptor target_file(::open(target(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (target_file < 0) fail(to_, name);
  copy_data(source_file, target_file, name);
  set_attributes(name, status);
}

void Copy::copy_link(const std::string& name, const struct stat& status) {
  see_source();
  const std::optional<std::string> text = link_text(source(name), status);
  if (!text) fail(from_, name);
  see_target();
  make_way(name);
  if (::symlink(text->c_str(), target(name).c_str()) != 0) fail(to_, name);
  set_attributes(name, status);
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
  if (S_ISDIR(status.st_mode)) return copy_directory(name, status);
  if (rules_.mounts == CopyRules::Mounts::leave_out && status.st_dev != device_) return;
  if (S_ISSOCK(status.st_mode) || link_again(name, status)) return;  // a socket is of no use without who listens
  if (S_ISREG(status.st_mode)) return copy_file(name, status);
  if (S_ISLNK(status.st_mode)) return copy_link(name, status);
  see_target();
  make_way(name);
  if (::mknod(target(name).c_str(), status.st_mode, status.st_rdev) != 0) fail(to_, name);
  set_attributes(name, status);
}

}  // namespace

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (!directory) throw system_failure(path);
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  return names;
}

std::optional<std::string> link_text(const std::string& path, const struct stat& status) {
  std::string text(static_cast<std::size_t>(status.st_size) + 1, '\0');
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  if (size < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(size));
  return text;
}

bool set_attributes(const std::string& path, const struct stat& status, CopyRules::Owners owners) {
  const bool keep = owners == CopyRules::Owners::keep;
  const timespec times[] = {status.st_atim, status.st_mtim};
  return ::lchown(path.c_str(), keep ? status.st_uid : 0, keep ? status.st_gid : 0) == 0 &&
         (S_ISLNK(status.st_mode) || ::chmod(path.c_str(), status.st_mode & 07777) == 0) &&
         ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0;
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
