// Finding things, and their attributes: stat, access, readlink, chmod, chown, utimensat, truncate.
#include "fs/operations.hpp"
#include "fs/real_time.hpp"
#include "fs/tmpfs.hpp"

namespace cv6 {

Result<Path> resolve(const Caller& caller, const At& at, Follow follow, EmptyName empty) {
  if (at.name.empty() && empty == EmptyName::means_directory) {
    if (!at.directory) return caller.context.working_directory();
    return at.directory->place();
  }
  Walk walk(caller);
  TRY(walk.to_object(at, follow));
  return std::move(walk.object());
}

FileStatus status_of(const Object& object) {
  FileStatus status = object.inode->status();
  if (object.mount) status.mount = object.mount->id();
  return status;
}

Result<FileSystemStatus> file_system_status_of(const Object& object) {
  FileSystemStatus status = object.inode->file_system().status();
  if (object.mount) status.mount_flags = object.mount->flags();
  return status;
}

Result<void> check_access(const Caller& caller, const Object& object, unsigned wanted) {
  const Inode& inode = *object.inode;
  if (wanted & access_to::execute && inode.is_regular() && object.mount &&
      object.mount->flags() & mount_flag::no_execute)
    return Error::acces;
  TRY(check_permission(caller.credentials, inode, wanted));
  const bool on_disk = inode.is_regular() || inode.is_directory() || inode.is_symlink();
  if (wanted & access_to::write && on_disk && object.mount && object.mount->read_only()) return Error::rofs;
  return {};
}

Result<std::size_t> read_link(const Path& path, std::span<char> to) {
  if (!path.inode().is_symlink()) return Error::inval;
  if (!path.mount->read_only()) path.inode().touch_accessed();
  return path.inode().read_link(to);
}

Result<void> check_directory(const Caller& caller, const Path& path) {
  if (!path.inode().is_directory()) return Error::notdir;
  return check_permission(caller.credentials, path.inode(), access_to::execute);
}

// --- changing ----------------------------------------------------------------------------------------------------------

namespace {

// What is open from outside of the caller's container gives its data and nothing else: what it is stays as it is.
Result<void> check_may_change(const Caller& caller, const Object& object) {
  if (!object.mount) return {};
  const std::uint64_t tree = object.mount->tree();
  if (tree != Mount::no_tree && tree != caller.context.tree()) return Error::xdev;
  return object.mount->read_only() ? Result<void>(Error::rofs) : Result<void>();
}

}  // namespace

Result<void> change_mode(const Caller& caller, const Object& object, Mode mode) {
  TRY(check_may_change(caller, object));
  Inode& inode = *object.inode;
  if (inode.is_symlink()) return Error::opnotsupp;
  MutexGuard guard(inode.mutex());
  if (!owns(caller.credentials, inode)) return Error::perm;
  mode &= mode::all;
  if (!caller.credentials.overrides_files() && !caller.credentials.in_group(inode.group()))
    mode &= ~mode::set_group_id;
  Inode::AttributeChange change;
  change.mode = true;
  change.new_mode = mode;
  return inode.change_attributes(change);
}

Result<void> change_owner(const Caller& caller, const Object& object, std::optional<std::uint32_t> user,
                          std::optional<std::uint32_t> group) {
  TRY(check_may_change(caller, object));
  Inode& inode = *object.inode;
  MutexGuard guard(inode.mutex());
  const Credentials& who = caller.credentials;
  if (!who.overrides_files()) {
    const bool is_owner = who.ids().file_user == inode.user();
    if (user && (!is_owner || *user != inode.user())) return Error::perm;
    if (group && (!is_owner || (*group != inode.group() && !who.in_group(*group)))) return Error::perm;
  }
  Inode::AttributeChange change;
  change.owner = true;
  change.new_user = user.value_or(inode.user());
  change.new_group = group.value_or(inode.group());
  // Who runs it must not get rights that the old owner never gave (chown(2)).
  const Mode bits = inode.mode() & mode::execute_group ? mode::set_user_id | mode::set_group_id : mode::set_user_id;
  if (!inode.is_directory() && inode.mode() & bits) {
    change.mode = true;
    change.new_mode = inode.mode() & ~bits;
  }
  return inode.change_attributes(change);
}

Result<void> change_times(const Caller& caller, const Object& object, const NewTime& access, const NewTime& modify) {
  using Kind = NewTime::Kind;
  if (access.kind == Kind::omit && modify.kind == Kind::omit) return {};
  TRY(check_may_change(caller, object));
  Inode& inode = *object.inode;
  MutexGuard guard(inode.mutex());
  if (!owns(caller.credentials, inode)) {
    if (access.kind != Kind::now || modify.kind != Kind::now) return Error::perm;
    TRY(check_permission(caller.credentials, inode, access_to::write));
  }
  const Nanoseconds now = real_time_now();
  Inode::AttributeChange change;
  change.access_time = access.kind != Kind::omit;
  change.new_access_time = access.kind == Kind::now ? now : access.time;
  change.modify_time = modify.kind != Kind::omit;
  change.new_modify_time = modify.kind == Kind::now ? now : modify.time;
  return inode.change_attributes(change);
}

void drop_set_id_bits(Inode& inode, const Credentials& who) {
  if (!(inode.mode() & (mode::set_user_id | mode::set_group_id)) || who.overrides_files()) return;
  Mode gone = mode::set_user_id;
  if (inode.mode() & mode::execute_group) gone |= mode::set_group_id;
  inode.set_mode(inode.mode() & ~gone);
}

Result<void> truncate_inode(Inode& inode, const Credentials& who, std::uint64_t size, std::uint64_t size_limit) {
  MutexGuard guard(inode.mutex());
  if (size > inode.size() && size > size_limit) return Error::fbig;
  TRY(inode.truncate(size));
  drop_set_id_bits(inode, who);
  return {};
}

Result<void> truncate(const Caller& caller, const Path& path, std::uint64_t size, std::uint64_t size_limit) {
  Inode& inode = path.inode();
  if (inode.is_directory()) return Error::isdir;
  if (!inode.is_regular()) return Error::inval;
  TRY(check_may_change(caller, path));
  TRY(check_permission(caller.credentials, inode, access_to::write));
  TRY(inode.begin_writing());
  const Result<void> outcome = truncate_inode(inode, caller.credentials, size, size_limit);
  inode.end_writing();
  return outcome;
}

}  // namespace cv6
