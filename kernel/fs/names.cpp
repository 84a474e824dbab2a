// Making and removing names: mkdir, mknod, symlink, link, unlink, rmdir.
#include "fs/operations.hpp"

namespace cv6 {

namespace {

enum class Slash : std::uint8_t { allowed, not_allowed };  // behind a name that does not exist yet

// Makes a new name: finds its place, checks, and calls make(directory, name) -> Result<Ref<Inode>> with the directory's
// mutex held. The order of the checks is Linux'.
template <class Make>
Result<Path> make_name(const Caller& caller, const At& at, Slash slash, Make make) {
  Walk walk(caller);
  TRY(walk.to_parent(at));
  if (walk.kind() != LastKind::name) return Error::exist;
  const Path& parent = walk.parent();
  Inode& directory = parent.inode();
  MutexGuard guard(directory.mutex());
  if (directory.removed()) return Error::noent;
  Ref<Dentry> child = TRY(parent.dentry->child(walk.last()));
  if (!child->negative()) return Error::exist;
  if (walk.trailing_slash() && slash == Slash::not_allowed) return Error::noent;
  if (parent.mount->read_only()) return Error::rofs;
  TRY(check_permission(caller.credentials, directory, access_to::write | access_to::execute));
  Ref<Inode> inode = TRY(make(parent, walk.last().text));
  directory.entries_changed();
  child->instantiate(std::move(inode));
  return Path{parent.mount, std::move(child)};
}

Result<Path> make_inode(const Caller& caller, const At& at, Slash slash, FileType type, Mode mode,
                        DeviceNumber represents, std::string_view link_target) {
  return make_name(caller, at, slash, [&](const Path& parent, std::string_view name) -> Result<Ref<Inode>> {
    NewInode wanted = TRY(new_inode_for(caller, parent.inode(), type, mode));
    wanted.represents = represents;
    wanted.link_target = link_target;
    return parent.inode().create(name, wanted);
  });
}

}  // namespace

Result<NewInode> new_inode_for(const Caller& caller, const Inode& directory, FileType type, Mode mode) {
  NewInode wanted;
  wanted.type = type;
  wanted.mode = type == FileType::symlink ? mode::permissions : mode & mode::all & ~caller.context.umask();
  wanted.user = caller.credentials.ids().file_user;
  wanted.group = caller.credentials.ids().file_group;
  if (!(directory.mode() & mode::set_group_id)) return wanted;
  wanted.group = directory.group();
  if (type == FileType::directory)
    wanted.mode |= mode::set_group_id;
  else if (wanted.mode & mode::execute_group && !caller.credentials.overrides_files() &&
           !caller.credentials.in_group(wanted.group))
    wanted.mode &= ~mode::set_group_id;  // nobody gets the rights of a group that is not theirs
  return wanted;
}

Result<void> make_directory(const Caller& caller, const At& at, Mode mode) {
  TRY(make_inode(caller, at, Slash::allowed, FileType::directory, mode & (mode::permissions | mode::sticky), 0, {}));
  return {};
}

Result<Path> make_node(const Caller& caller, const At& at, FileType type, Mode mode, DeviceNumber represents) {
  if (type == FileType::directory) return Error::perm;
  if (type == FileType::symlink) return Error::inval;
  const bool device = type == FileType::character_device || type == FileType::block_device;
  if (device && !caller.credentials.privileged()) return Error::perm;
  return make_inode(caller, at, Slash::not_allowed, type, mode, device ? represents : 0, {});
}

Result<void> make_symlink(const Caller& caller, std::string_view target, const At& at) {
  if (target.empty()) return Error::noent;
  if (target.size() >= path_max) return Error::nametoolong;
  TRY(make_inode(caller, at, Slash::not_allowed, FileType::symlink, 0, 0, target));
  return {};
}

Result<void> link(const Caller& caller, const At& from, const At& to, Follow follow, EmptyName empty) {
  const Path source = TRY(resolve(caller, from, follow, empty));
  Inode& inode = source.inode();
  TRY(make_name(caller, to, Slash::not_allowed,
                [&](const Path& parent, std::string_view name) -> Result<Ref<Inode>> {
                  if (parent.mount != source.mount) return Error::xdev;
                  if (inode.is_directory()) return Error::perm;
                  MutexGuard guard(inode.mutex());
                  // Without a name, only O_TMPFILE's may get one (removed() is its O_EXCL, or it had one).
                  const bool never_named = source.dentry->is_root() && !inode.removed();
                  if (inode.links() == 0 && !never_named) return Error::noent;
                  TRY(parent.inode().link(name, inode));
                  return Ref<Inode>(&inode);
                }));
  return {};
}

// --- removing ----------------------------------------------------------------------------------------------------------

Result<void> unlink(const Caller& caller, const At& at) {
  Walk walk(caller);
  TRY(walk.to_parent(at));
  if (walk.kind() != LastKind::name) return Error::isdir;
  const Path& parent = walk.parent();
  Inode& directory = parent.inode();
  if (parent.mount->read_only()) return Error::rofs;
  Ref<Dentry> child;
  MutexGuard guard(directory.mutex());
  child = TRY(parent.dentry->child(walk.last()));
  if (child->negative()) return Error::noent;
  Inode& victim = *child->inode();
  if (walk.trailing_slash()) return victim.is_directory() ? Error::isdir : Error::notdir;
  TRY(check_removal(caller.credentials, directory, victim));
  if (victim.is_directory()) return Error::isdir;
  MutexGuard victim_guard(victim.mutex());
  if (child->mounted_on()) return Error::busy;
  TRY(directory.unlink(walk.last().text, victim));
  if (victim.links() == 0) victim.set_removed();
  directory.entries_changed();
  child->unlink();
  return {};
}

Result<void> remove_directory(const Caller& caller, const At& at) {
  Walk walk(caller);
  TRY(walk.to_parent(at));
  if (walk.kind() == LastKind::dot) return Error::inval;
  if (walk.kind() == LastKind::dot_dot) return Error::notempty;
  if (walk.kind() == LastKind::root) return Error::busy;
  const Path& parent = walk.parent();
  Inode& directory = parent.inode();
  if (parent.mount->read_only()) return Error::rofs;
  Ref<Dentry> child;
  MutexGuard guard(directory.mutex());
  child = TRY(parent.dentry->child(walk.last()));
  if (child->negative()) return Error::noent;
  Inode& victim = *child->inode();
  TRY(check_removal(caller.credentials, directory, victim));
  if (!victim.is_directory()) return Error::notdir;
  {
    MutexGuard victim_guard(victim.mutex());
    if (child->mounted_on()) return Error::busy;  // Mount::attach holds the victim's mutex
    TRY(directory.remove_directory(walk.last().text, victim));
    victim.set_removed();
  }
  directory.entries_changed();
  if (child->unlink()) Dentry::drop_below(*child);  // what is known not to be in it
  return {};
}

}  // namespace cv6
