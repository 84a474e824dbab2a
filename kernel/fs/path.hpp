// A place in the tree of files: a dentry as seen through a mount.
#pragma once

#include <span>
#include <string_view>

#include "fs/dentry.hpp"
#include "fs/mount.hpp"
#include "lib/ref.hpp"

namespace cv6 {

struct Path {
  Ref<Mount> mount;
  Ref<Dentry> dentry;

  explicit operator bool() const { return static_cast<bool>(dentry); }
  Inode& inode() const { return *dentry->inode(); }  // a Path that a walk returned is never negative
  bool operator==(const Path& other) const { return mount == other.mount && dentry == other.dentry; }
};

// The text of a path as somebody whose root directory is `root` sees it: what getcwd(2) and /proc/PID/{cwd,exe,fd} show.
struct PathText {
  std::string_view text;   // at the end of the caller's buffer
  bool reachable = true;   // false: it is not below `root`; the text is from the root of its own tree or mount
  bool removed = false;    // its name has been unlinked; /proc appends " (deleted)"
};
// Error::nametoolong if it does not fit.
Result<PathText> path_text(const Path& path, const Path& root, std::span<char> buffer);
// `..`: the parent directory, across mounts; `root` and the top of the tree are their own parents. An empty Path: it is
// not is_connected(), so nothing is above `path` for who is in its mount.
Path parent_of(const Path& path, const Path& root);
// As long as something is mounted on the place: to the root of what is.
void enter_mounts(Path& path);
// The place is below the root of its mount. False for what was moved out of the directory that a mount shows.
bool is_connected(const Path& path);
// `path` is `root` or below it.
bool is_below(const Path& path, const Path& root);

}  // namespace cv6
