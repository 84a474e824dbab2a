#include "image/tree.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

namespace cv6::host {
namespace {

namespace fs = std::filesystem;

class TreeWalk {
 public:
  explicit TreeWalk(ArchiveWriter& archive) : archive_(archive) {}

  Outcome<> add(const fs::path& source, const std::string& guest_path, const struct stat& status) {
    const Attributes attributes{.permissions = status.st_mode & 07777,
                                .modified = static_cast<std::uint32_t>(std::max<std::int64_t>(0, status.st_mtime))};
    switch (status.st_mode & S_IFMT) {
      case S_IFDIR:
        return add_folder(source, guest_path, attributes);
      case S_IFREG:
        return add_file(source, guest_path, attributes, status);
      case S_IFLNK:
        return add_link(source, guest_path, attributes);
      case S_IFSOCK:
        return {};
      default:
        return archive_.device_node(guest_path, status.st_mode, status.st_rdev, attributes);
    }
  }

 private:
  Outcome<> add_folder(const fs::path& source, const std::string& guest_path, Attributes attributes) {
    // The guest's root has its own attributes; adding a folder as "/" adds what is in it.
    if (guest_path != "/") CV6_CHECK(archive_.folder(guest_path, attributes));
    std::error_code error;
    std::vector<fs::path> children;
    for (fs::directory_iterator at(source, error), end; !error && at != end; at.increment(error)) {
      children.push_back(at->path());
    }
    if (error) return failure("{}: {}", source.string(), error.message());
    std::ranges::sort(children);
    for (const fs::path& child : children) {
      struct stat status{};
      if (::lstat(child.c_str(), &status) != 0) return system_failure(child);
      const std::string parent = guest_path == "/" ? "" : guest_path;
      CV6_CHECK(add(child, parent + "/" + child.filename().string(), status));
    }
    return {};
  }

  Outcome<> add_file(const fs::path& source, const std::string& guest_path, Attributes attributes,
                     const struct stat& status) {
    if (status.st_nlink < 2) return archive_.file(guest_path, source, attributes);
    const auto [known, is_new] = inodes_.try_emplace({status.st_dev, status.st_ino});
    if (!is_new) return archive_.hard_link(guest_path, known->second, attributes);
    known->second = {.number = archive_.new_inode(), .names = static_cast<std::uint32_t>(status.st_nlink)};
    return archive_.file(guest_path, source, attributes, known->second);
  }

  Outcome<> add_link(const fs::path& source, const std::string& guest_path, Attributes attributes) {
    std::error_code error;
    const fs::path target = fs::read_symlink(source, error);
    if (error) return failure("{}: {}", source.string(), error.message());
    return archive_.symbolic_link(guest_path, target.string(), attributes);
  }

  ArchiveWriter& archive_;
  std::map<std::pair<dev_t, ino_t>, SharedInode> inodes_;  // files with several names that have been added
};

}  // namespace

Outcome<> add_tree(ArchiveWriter& archive, const fs::path& source, const std::string& guest_path) {
  struct stat status{};
  if (::stat(source.c_str(), &status) != 0) return system_failure(source);
  return TreeWalk(archive).add(source, guest_path, status);
}

}  // namespace cv6::host
