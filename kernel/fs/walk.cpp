#include "fs/walk.hpp"

#include <cstring>

#include "fs/file.hpp"

namespace cv6 {

namespace {

// The buffer that symlinks need: room for the text of one at the beginning, behind it the name that is left, at the end.
constexpr std::size_t link_room = path_max;
constexpr std::size_t buffer_size = link_room + 2 * path_max;

std::string_view without_slashes(std::string_view text) {
  const char* at = text.begin();
  while (at != text.end() && *at == '/') ++at;
  return {at, text.end()};
}

// What `text` begins with, up to a slash or its end.
ComponentName first_component(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint32_t hash = ComponentName::hash_start;
  for (; at != end && *at != '/'; ++at) hash = ComponentName::hash_step(hash, *at);
  return {{text.data(), static_cast<std::size_t>(at - text.data())}, hash};
}

LastKind kind_of(std::string_view name) {
  if (name.front() != '.' || name.size() > 2) [[likely]] return LastKind::name;
  if (name.size() == 1) return LastKind::dot;
  return name[1] == '.' ? LastKind::dot_dot : LastKind::name;
}

}  // namespace

Result<void> Walk::begin(const At& at) {
  if (at.name.empty()) return Error::noent;
  if (at.name.size() >= path_max) return Error::nametoolong;
  rest_ = at.name;
  if (at.name.front() == '/') {
    at_ = caller_.context.root();
    return {};
  }
  at_ = at.directory ? at.directory->path() : caller_.context.working_directory();
  if (!at_) return Error::notdir;  // a pipe or the like
  if (at_.mount->tree() != caller_.context.tree()) return at_.inode().is_directory() ? Error::xdev : Error::notdir;
  return {};
}

Result<Path> Walk::to_object(const At& at, Follow follow) {
  TRY(begin(at));
  TRY(run(Until::end, follow));
  return std::move(at_);
}

Result<void> Walk::to_parent(const At& at) {
  TRY(begin(at));
  return run(Until::last, Follow::no);
}

Result<void> Walk::run(Until until, Follow follow) {
  kind_ = LastKind::root;
  rest_ = without_slashes(rest_);
  while (!rest_.empty()) {
    if (!at_.inode().is_directory()) return Error::notdir;
    TRY(search_permission());
    const ComponentName name = first_component(rest_);
    const std::string_view behind(name.text.end(), rest_.end());
    rest_ = without_slashes(behind);
    const bool is_last = rest_.empty();
    if (is_last && !behind.empty()) trailing_slash_ = true;
    kind_ = kind_of(name.text);
    if (name.text.size() > name_max) return Error::nametoolong;
    if (is_last && until == Until::last) {
      last_ = name;
      return {};
    }
    if (kind_ == LastKind::dot_dot)
      at_ = parent_of(at_, caller_.context.root());
    else if (kind_ == LastKind::name)
      TRY(step_into(name, is_last && !trailing_slash_ ? follow : Follow::yes));
  }
  if (trailing_slash_ && !at_.inode().is_directory()) return Error::notdir;
  return {};
}

Result<void> Walk::search_permission() const {
  const Inode& directory = at_.inode();
  if ((directory.mode() & mode::execute_all) == mode::execute_all) return {};
  return check_permission(caller_.credentials, directory, access_to::execute);
}

Result<void> Walk::step_into(const ComponentName& name, Follow follow) {
  Ref<Dentry> child = at_.dentry->find_child(name);
  if (!child) child = TRY(at_.dentry->look_up(name));
  Inode* inode = child->inode();
  if (!inode) return Error::noent;
  if (inode->is_symlink() && follow == Follow::yes) return follow_link(*inode);
  at_.dentry = std::move(child);
  if (at_.dentry->mounted_on()) enter_mounts(at_);
  return {};
}

Result<void> Walk::follow_link(Inode& link) {
  if (++links_followed_ > symlinks_max) return Error::loop;
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
  const std::size_t separator = rest_.empty() ? 0 : 1;
  if (size + separator + rest_.size() > buffer_size - link_room) return Error::nametoolong;
  // What is left either is the end of the buffer already or comes from the caller.
  char* start = buffer_.get() + buffer_size - rest_.size();
  if (!rest_.empty() && rest_.data() != start) std::memcpy(start, rest_.data(), rest_.size());
  if (separator) *--start = '/';
  start -= size;
  std::memcpy(start, buffer_.get(), size);
  rest_ = {start, size + separator + rest_.size()};
  if (*start == '/') {
    at_ = caller_.context.root();
    rest_ = without_slashes(rest_);
  }
  return {};
}

Result<Path> Walk::follow_magic(Inode& link) {
  Path target = TRY(link.follow_magic_link());
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
