#include "fs/device.hpp"
#include "fs/mount.hpp"
#include "fs/tmpfs.hpp"

namespace cv6::devfs {

namespace {

constinit Ref<Dentry> the_root;

Result<Ref<Dentry>> make_by_name(std::string_view, std::string_view, GuestMemory&) { return the_root; }
constinit FileSystemType devfs_type{.name = "devtmpfs", .make = make_by_name, .node = {}};

// Changes go through the dentry cache: somebody may have looked for the name before.
Result<Ref<Dentry>> add(Dentry& directory, std::string_view name, const NewInode& wanted) {
  Inode& inode = *directory.inode();
  MutexGuard guard(inode.mutex());
  Ref<Dentry> child = TRY(directory.child(ComponentName::of(name)));
  if (!child->negative()) return Error::exist;
  child->instantiate(TRY(inode.create(name, wanted)));
  inode.entries_changed();
  return child;
}

// The directory that `name` is in, made if need be; `name` becomes its last component.
Result<Ref<Dentry>> directory_of(std::string_view& name) {
  Ref<Dentry> at = the_root;
  for (std::size_t slash; (slash = name.find('/')) != std::string_view::npos; name.remove_prefix(slash + 1)) {
    const std::string_view component = name.substr(0, slash);
    Ref<Dentry> below = TRY(at->look_up(ComponentName::of(component)));
    if (below->negative()) {
      NewInode directory;
      directory.type = FileType::directory;
      directory.mode = 0755;
      below = TRY(add(*at, component, directory));
    }
    at = std::move(below);
  }
  return at;
}

}  // namespace

Result<void> initialise() {
  tmpfs::Options options;
  options.mode = 0755;
  options.type_name = "devtmpfs";
  the_root = TRY(tmpfs::create(Ref<GuestMemory>(&GuestMemory::host()), options));
  register_file_system(devfs_type);
  TRY(add_directory("shm", 01777));
  TRY(add_directory("pts", 0755));
  TRY(add_symlink("ptmx", "pts/ptmx"));
  TRY(add_symlink("fd", "/proc/self/fd"));
  TRY(add_symlink("stdin", "/proc/self/fd/0"));
  TRY(add_symlink("stdout", "/proc/self/fd/1"));
  TRY(add_symlink("stderr", "/proc/self/fd/2"));
  return {};
}

Ref<Dentry> root() { return the_root; }

Result<void> add_node(std::string_view name, FileType type, DeviceNumber device, Mode mode, std::uint32_t group) {
  Ref<Dentry> directory = TRY(directory_of(name));
  NewInode wanted;
  wanted.type = type;
  wanted.mode = mode;
  wanted.group = group;
  wanted.represents = device;
  TRY(add(*directory, name, wanted));
  return {};
}

Result<void> add_directory(std::string_view name, Mode mode) {
  Ref<Dentry> directory = TRY(directory_of(name));
  NewInode wanted;
  wanted.type = FileType::directory;
  wanted.mode = mode;
  TRY(add(*directory, name, wanted));
  return {};
}

Result<void> add_symlink(std::string_view name, std::string_view target) {
  Ref<Dentry> directory = TRY(directory_of(name));
  NewInode wanted;
  wanted.type = FileType::symlink;
  wanted.mode = mode::permissions;
  wanted.link_target = target;
  TRY(add(*directory, name, wanted));
  return {};
}

Result<void> remove(std::string_view name) {
  Ref<Dentry> directory = TRY(directory_of(name));
  Ref<Dentry> child;
  Inode& inode = *directory->inode();
  MutexGuard guard(inode.mutex());
  child = TRY(directory->child(ComponentName::of(name)));
  if (child->negative()) return Error::noent;
  TRY(inode.unlink(name, *child->inode()));
  inode.entries_changed();
  child->unlink();
  return {};
}

}  // namespace cv6::devfs
