#include "fs/path.hpp"

#include <cstring>

namespace cv6 {

namespace {

// Text that grows from the end of a buffer towards its beginning.
class BackwardText {
 public:
  explicit BackwardText(std::span<char> buffer) : buffer_(buffer), start_(buffer.size()) {}
  bool prepend(std::string_view text) {
    if (text.size() > start_) return false;
    start_ -= text.size();
    if (!text.empty()) std::memcpy(buffer_.data() + start_, text.data(), text.size());
    return true;
  }
  std::string_view view() const { return {buffer_.data() + start_, buffer_.size() - start_}; }

 private:
  std::span<char> buffer_;
  std::size_t start_;
};

enum class Climbed : std::uint8_t { to_stop, to_mount_root, to_top, no_room };

// Writes the components from `from` up to `stop`, the mount's root or, if it meets neither, the dentry without a parent.
Climbed climb(const Dentry& from, const Dentry& stop, const Dentry& mount_root, BackwardText& text) {
  SpinGuard guard(Dentry::tree_lock);
  for (const Dentry* at = &from;; at = at->parent_locked()) {
    if (at == &stop) return Climbed::to_stop;
    if (at == &mount_root) return Climbed::to_mount_root;
    if (!at->parent_locked()) return Climbed::to_top;
    if (!text.prepend(at->name()) || !text.prepend("/")) return Climbed::no_room;
  }
}

}  // namespace

Result<PathText> path_text(const Path& path, const Path& root, std::span<char> buffer) {
  BackwardText text(buffer);
  PathText result;
  result.removed = path.dentry->unlinked();
  if (path.dentry->is_root() && path.dentry->unlinked()) {  // one that never was in a directory: only a name
    if (!text.prepend(path.dentry->name())) return Error::nametoolong;
    result.text = text.view();
    return result;
  }
  Path at = path;
  while (true) {
    const bool in_roots_mount = at.mount == root.mount;
    const Dentry& mount_root = at.mount->root();
    const Climbed climbed = climb(*at.dentry, in_roots_mount ? *root.dentry : mount_root, mount_root, text);
    if (climbed == Climbed::no_room) return Error::nametoolong;
    if (in_roots_mount && climbed == Climbed::to_stop) break;
    Path above = climbed == Climbed::to_top ? Path() : at.mount->attached_at();
    if (!above) {
      result.reachable = false;
      break;
    }
    at = std::move(above);
  }
  if (text.view().empty() && !text.prepend("/")) return Error::nametoolong;
  result.text = text.view();
  return result;
}

Path parent_of(const Path& path, const Path& root) {
  Path at = path;
  while (true) {
    if (at == root) return at;
    if (at.dentry.get() != &at.mount->root()) {
      Ref<Dentry> parent = at.dentry->parent();
      if (parent) at.dentry = std::move(parent);
      // Asked of the parent: whether the directory itself was connected a moment ago says nothing about it.
      if (!is_connected(at)) return {};
      break;
    }
    Path above = at.mount->attached_at();
    if (!above) return at;
    at = std::move(above);
  }
  enter_mounts(at);  // what is mounted on the parent hides it
  return at;
}

void enter_mounts(Path& path) {
  while (path.dentry->mounted_on()) {
    Ref<Mount> mount = path.mount->mount_at(*path.dentry);
    if (!mount) return;
    path.dentry = Ref<Dentry>(&mount->root());
    path.mount = std::move(mount);
  }
}

bool is_connected(const Path& path) {
  const Dentry& top = path.mount->root();
  return top.is_root() || path.dentry->is_or_is_below(top);
}

bool is_below(const Path& path, const Path& root) {
  Path at = path;
  while (at.mount != root.mount) {
    Path above = at.mount->attached_at();
    if (!above) return false;
    at = std::move(above);
  }
  return at.dentry->is_or_is_below(*root.dentry);
}

}  // namespace cv6
