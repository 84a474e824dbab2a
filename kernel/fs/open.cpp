// open(2): finding or making the file, permissions, and the file description.
#include "fs/device.hpp"
#include "fs/operations.hpp"
#include "mm/payer.hpp"

namespace cv6 {

namespace {

// O_PATH: a place, nothing more.
class PathFile final : public File, public Charged<PathFile, "path_file", charged_beside_file> {
 public:
  explicit PathFile(Ref<Inode> inode) : File(std::move(inode), Positions::none) {}
  PollEvents poll(PollWaiters*) override { return poll_event::invalid; }
};

unsigned wanted_access(OpenFlags flags) {
  unsigned wanted = 0;
  if (flags & open_flag::execute) return access_to::execute;
  if (flags & open_flag::read) wanted |= access_to::read;
  if (flags & (open_flag::write | open_flag::truncate)) wanted |= access_to::write;
  return wanted;
}

// What open checks of a file that was there before.
Result<void> check_open(const Caller& caller, const Path& path, OpenFlags flags) {
  const Inode& inode = path.inode();
  const bool writes = flags & (open_flag::write | open_flag::truncate);
  if (!inode.is_directory() && flags & open_flag::directory) return Error::notdir;
  if (inode.is_symlink()) return Error::loop;
  if (inode.is_directory() && (writes || flags & open_flag::create)) return Error::isdir;
  const bool device = inode.type() == FileType::character_device || inode.type() == FileType::block_device;
  if (device && path.mount->flags() & mount_flag::no_devices) return Error::acces;
  if (device) TRY(check_device_reach(inode.represents(), path.mount->tree()));
  if (flags & open_flag::execute && (!inode.is_regular() || path.mount->flags() & mount_flag::no_execute))
    return Error::acces;
  TRY(check_permission(caller.credentials, inode, wanted_access(flags)));
  if (writes && path.mount->read_only() && (inode.is_regular() || inode.is_directory())) return Error::rofs;
  if (flags & open_flag::no_access_time && !owns(caller.credentials, inode)) return Error::perm;
  return {};
}

Result<Ref<File>> describe_path(const Caller& caller, const Path& path, OpenFlags flags) {
  if (flags & open_flag::directory && !path.inode().is_directory()) return Error::notdir;
  Ref<File> file = TRY(make<PathFile>(Ref<Inode>(&path.inode())));
  file->set_up(path, flags & (open_flag::path_only | open_flag::directory | open_flag::no_follow), caller.credentials);
  return file;
}

// The file description; permissions have been checked.
Result<Ref<File>> open_checked(const Caller& caller, const Path& path, OpenFlags flags) {
  Inode& inode = path.inode();
  const bool writes_regular = inode.is_regular() && flags & (open_flag::write | open_flag::truncate);
  if (writes_regular) TRY(inode.begin_writing());
  Result<Ref<File>> file = inode.open(path, flags);
  if (!file) {
    if (writes_regular) inode.end_writing();
    return file;
  }
  CV6_DEBUG_ASSERT(&(*file)->inode() == &inode);  // whoever changes the file's owner by it means this one
  if (writes_regular) (*file)->note_writer();
  (*file)->set_up(path, flags, caller.credentials);
  if (flags & open_flag::truncate && inode.is_regular()) TRY(truncate_inode(inode, caller.credentials, 0, UINT64_MAX));
  return file;
}

Result<Path> create_file(const Caller& caller, Walk& walk, Mode mode) {
  const Path& parent = walk.parent();
  TRY(check_permission(caller.credentials, parent.inode(), access_to::write | access_to::execute));
  if (parent.mount->read_only()) return Error::rofs;
  Ref<Dentry> child = TRY(parent.dentry->child(walk.last()));
  const NewInode wanted = TRY(new_inode_for(caller, parent.inode(), FileType::regular, mode));
  Ref<Inode> inode = TRY(parent.inode().create(walk.last().text, wanted));
  parent.inode().entries_changed();
  child->instantiate(std::move(inode));
  return Path{parent.mount, std::move(child)};
}

// With O_CREAT: the object, made if it was not there. `created` says so. The last component may be a symlink, dangling
// or not, that leads elsewhere.
Result<Path> find_or_create(const Caller& caller, const At& at, const OpenRequest& request, bool& created) {
  created = false;
  Walk walk(caller);
  TRY(walk.to_parent(at));
  while (true) {
    if (walk.kind() == LastKind::dot_dot) TRY(walk.step_up());  // which may not be allowed
    if (walk.kind() != LastKind::name || walk.trailing_slash())
      return request.flags & open_flag::exclusive && walk.kind() != LastKind::name ? Error::exist : Error::isdir;
    Path found;
    {
      Inode& directory = walk.parent().inode();
      if (!directory.is_directory()) return Error::notdir;
      MutexGuard guard(directory.mutex());
      if (directory.removed()) return Error::noent;
      Ref<Dentry> child = TRY(walk.parent().dentry->child(walk.last()));
      if (child->negative()) {
        created = true;
        return create_file(caller, walk, request.mode);
      }
      found = {walk.parent().mount, std::move(child)};
    }
    TRY(walk.step_into_mounts(found));
    if (request.flags & open_flag::exclusive) return Error::exist;
    if (!found.inode().is_symlink() || request.flags & open_flag::no_follow) return found;
    Path object;
    TRY(walk.follow_last(found.inode(), object));
    if (object) return object;
  }
}

Result<Ref<File>> open_unnamed(const Caller& caller, const At& at, const OpenRequest& request) {
  if (!(request.flags & open_flag::write)) return Error::inval;
  Path parent = TRY(resolve(caller, at, Follow::yes));
  Inode& directory = parent.inode();
  if (!directory.is_directory()) return Error::notdir;
  TRY(check_permission(caller.credentials, directory, access_to::write | access_to::execute));
  if (parent.mount->read_only()) return Error::rofs;
  Ref<Inode> inode;
  {
    MutexGuard guard(directory.mutex());
    if (directory.removed()) return Error::noent;
    const NewInode wanted = TRY(new_inode_for(caller, directory, FileType::regular, request.mode));
    inode = TRY(directory.create_unnamed(wanted));
  }
  char text[32];
  const std::string_view name = format_to(text, "/#{}", inode->number());
  Path path{parent.mount, TRY(Dentry::create_detached(name, std::move(inode)))};
  // O_EXCL: it never gets a name.
  if (request.flags & open_flag::exclusive) path.inode().set_removed();
  return open_checked(caller, path, request.flags);
}

}  // namespace

Result<Ref<File>> open_path(const Caller& caller, const Path& path, OpenFlags flags) {
  if (flags & open_flag::path_only) return describe_path(caller, path, flags);
  TRY(check_open(caller, path, flags));
  return open_checked(caller, path, flags);
}

Result<Ref<File>> open_file(const Caller& caller, const At& at, const OpenRequest& request) {
  const OpenFlags flags = request.flags;
  const Follow follow = flags & open_flag::no_follow ? Follow::no : Follow::yes;
  if (flags & open_flag::path_only) return describe_path(caller, TRY(resolve(caller, at, follow)), flags);
  if (flags & open_flag::temporary) return open_unnamed(caller, at, request);
  if (!(flags & open_flag::create)) {
    Walk walk(caller);
    TRY(walk.to_object(at, follow));
    return open_path(caller, walk.object(), flags);
  }
  if (flags & open_flag::directory) return Error::inval;
  bool created;
  Path path = TRY(find_or_create(caller, at, request, created));
  if (!created) return open_path(caller, path, flags);
  // Its mode does not matter to the open that made it, and there is nothing to truncate.
  return open_checked(caller, path, flags & ~open_flag::truncate);
}

}  // namespace cv6
