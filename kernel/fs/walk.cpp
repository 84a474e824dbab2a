#include "fs/walk.hpp"

#include <cstring>

#include "fs/file.hpp"

namespace cv6 {

namespace {

// The buffer that symlinks need: room for the text of one at the beginning, behind it the name that is left, at the end.
constexpr std::size_t link_room = path_max;
constexpr std::size_t buffer_size = link_room + 2 * path_max;

const char* skip_slashes(const char* at, const char* end) {
  while (at != end && *at == '/') ++at;
  return at;
}

// What [at, end) begins with, up to a slash or its end.
ComponentName first_component(const char* const begin, const char* const end) {
  const char* at = begin;
  KeyedHash hash(ComponentName::hash_key);
  for (; at != end && *at != '/'; ++at) hash.add(*at);
  return {{begin, static_cast<std::size_t>(at - begin)}, hash.value()};
}

LastKind kind_of(const ComponentName& name) {
  if (*name.text.data() != '.') [[likely]] return LastKind::name;
  if (name.text == ".") return LastKind::dot;
  return name.text == ".." ? LastKind::dot_dot : LastKind::name;
}

}  // namespace

Result<void> Walk::begin(const At& at) {
  if (at.name.empty()) return Error::noent;
  if (at.name.size() >= path_max) return Error::nametoolong;
  rest_ = at.name.data();
  end_ = rest_ + at.name.size();
  if (*rest_ == '/') {
    at_ = caller_.context.root();
    return {};
  }
  at_ = at.directory ? at.directory->path() : caller_.context.working_directory();
  if (!at_) return Error::notdir;  // a pipe or the like
  if (at_.mount->tree() != caller_.context.tree()) return at_.inode().is_directory() ? Error::xdev : Error::notdir;
  return {};
}

Result<void> Walk::to_object(const At& at, Follow follow) {
  TRY(begin(at));
  return run(Until::end, follow);
}

Result<void> Walk::to_parent(const At& at) {
  TRY(begin(at));
  return run(Until::last, Follow::no);
}

Result<void> Walk::run(Until until, Follow follow) {
  kind_ = LastKind::root;
  for (rest_ = skip_slashes(rest_, end_); rest_ != end_;) {
    const Inode& directory = at_.inode();
    if (!directory.is_directory()) return Error::notdir;
    TRY(search_permission(directory));
    const ComponentName name = first_component(rest_, end_);
    if (name.text.size() > name_max) return Error::nametoolong;
    const char* const behind = rest_ + name.text.size();
    rest_ = skip_slashes(behind, end_);
    const bool is_last = rest_ == end_;
    const LastKind kind = kind_of(name);
    if (is_last) {
      if (behind != end_) trailing_slash_ = true;
      if (until == Until::last) {
        kind_ = kind;
        last_ = name;
        return {};
      }
    }
    if (kind == LastKind::name) [[likely]]
      TRY(step_into(name, is_last && !trailing_slash_ ? follow : Follow::yes));
    else if (kind == LastKind::dot_dot)
      TRY(step_up());
  }
  if (trailing_slash_ && !at_.inode().is_directory()) return Error::notdir;
  return {};
}

Result<void> Walk::search_permission(const Inode& directory) const {
  if ((directory.mode() & mode::execute_all) == mode::execute_all) return {};
  return check_permission(caller_.credentials, directory, access_to::execute);
}

Result<void> Walk::step_into(const ComponentName& name, Follow follow) {
  Ref<Dentry> child = at_.dentry->find_child(name);
  if (!child) {
    if (caller_.context.walk_rules() & walk_rule::cached) return Error::again;
    child = TRY(at_.dentry->look_up(name));
  }
  Inode* inode = child->inode();
  if (!inode) return Error::noent;
  if (inode->is_symlink() && follow == Follow::yes) return follow_link(*inode);
  at_.dentry = std::move(child);
  if (at_.dentry->mounted_on()) return step_into_mounts(at_);
  return {};
}

Result<void> Walk::step_into_mounts(Path& path) const {
  if (!(caller_.context.walk_rules() & walk_rule::same_mount)) [[likely]] {
    enter_mounts(path);
    return {};
  }
  const Mount* const before = path.mount.get();
  enter_mounts(path);
  if (path.mount.get() != before) return Error::xdev;
  return {};
}

Result<void> Walk::step_up() {
  if (const WalkRules rules = caller_.context.walk_rules()) return step_up_by_rules(rules);
  Path parent = parent_of(at_, caller_.context.root());
  if (!parent) [[unlikely]] return Error::noent;
  at_ = std::move(parent);
  return {};
}

Result<void> Walk::step_up_by_rules(WalkRules rules) {
  const Path root = caller_.context.root();
  if (at_ == root && rules & walk_rule::beneath) return Error::xdev;
  Path parent = parent_of(at_, root);
  if (!parent) return Error::noent;
  const bool same_mount = parent.mount == at_.mount;
  at_ = std::move(parent);
  if (rules & walk_rule::same_mount && !same_mount) return Error::xdev;
  // The directory that was left may have been moved out of the root meanwhile, and `..` has led out then.
  if (rules & walk_rule::scoped && !is_below(at_, root)) return Error::again;
  return {};
}

Result<void> Walk::follow_link(Inode& link) {
  if (++links_followed_ > symlinks_max) return Error::loop;
  const WalkRules rules = caller_.context.walk_rules();
  if (rules & walk_rule::no_symlinks) return Error::loop;
  if (link.is_magic_link()) {
    at_ = TRY(follow_magic(link));
    return {};
  }
  if (!buffer_) {
    buffer_ = Own<char[]>(new (std::nothrow) char[buffer_size]);
    if (!buffer_) return Error::nomem;
  }
  const std::size_t size = TRY(link.read_link({buffer_.get(), link_room}));
  if (size == 0) return Error::noent;
  const auto left = static_cast<std::size_t>(end_ - rest_);
  const std::size_t separator = left ? 1 : 0;
  if (size + separator + left > buffer_size - link_room) return Error::nametoolong;
  // What is left either is the end of the buffer already or comes from the caller.
  end_ = buffer_.get() + buffer_size;
  char* start = buffer_.get() + buffer_size - left;
  if (left && rest_ != start) std::memcpy(start, rest_, left);
  if (separator) *--start = '/';
  start -= size;
  std::memcpy(start, buffer_.get(), size);
  rest_ = skip_slashes(start, end_);
  if (*start == '/') {
    if (rules & walk_rule::no_absolute_links) return Error::xdev;
    Path root = caller_.context.root();
    if (rules & walk_rule::same_mount && at_.mount != root.mount) return Error::xdev;
    at_ = std::move(root);
  }
  return {};
}

Result<Path> Walk::follow_magic(Inode& link) {
  const WalkRules rules = caller_.context.walk_rules();
  if (rules & walk_rule::cached) return Error::again;
  if (rules & walk_rule::no_magic_links) return Error::loop;
  Path target = TRY(link.follow_magic_link());
  if (rules & walk_rule::same_mount && target.mount != at_.mount) return Error::xdev;
  if (rules & walk_rule::scoped) return Error::xdev;
  const std::uint64_t tree = target.mount->tree();
  if (tree != Mount::no_tree && tree != caller_.context.tree()) return Error::xdev;
  return target;
}

Result<void> Walk::follow_last(Inode& link, Path& object) {
  TRY(follow_link(link));
  if (!link.is_magic_link()) return run(Until::last, Follow::no);
  object = at_;
  return {};
}

}  // namespace cv6
