// What programs do with files by name: the calls of section 2 of the manual, in kernel terms. All checks (permissions,
// read-only mounts, kinds, link counts) are made here; errors are those of the man pages.
#pragma once

#include <optional>

#include "fs/context.hpp"
#include "fs/file.hpp"
#include "fs/walk.hpp"

namespace cv6 {

// What an operation on something that exists is applied to: a place, or an open file (which may have no place).
struct Object {
  Object(const Path& path) : inode(&path.inode()), mount(path.mount.get()) {}
  Object(const File& file) : inode(&file.inode()), mount(file.path().mount.get()) {}
  Inode* inode;
  Mount* mount;  // null: no mount
};

// --- finding ----------------------------------------------------------------------------------------------------------
// AT_EMPTY_PATH: an empty name means the directory file itself (which may be any file with a path).
enum class EmptyName : std::uint8_t { refused, means_directory };
Result<Path> resolve(const Caller& caller, const At& at, Follow follow, EmptyName empty = EmptyName::refused);
FileStatus status_of(const Object& object);  // stat(2)
Result<FileSystemStatus> file_system_status_of(const Object& object);
// faccessat(2): `wanted` are bits of access_to; 0 asks for existence. With real ids: pass credentials.with_real_ids().
Result<void> check_access(const Caller& caller, const Object& object, unsigned wanted);
Result<std::size_t> read_link(const Path& path, std::span<char> to);  // Error::inval: not a symlink
Result<void> check_directory(const Caller& caller, const Path& path);  // for chdir, chroot: notdir, acces

// --- opening ----------------------------------------------------------------------------------------------------------
struct OpenRequest {
  OpenFlags flags = open_flag::read;
  Mode mode = 0;  // for a file that is created, before umask
};
// openat(2). May block (fifos). Error::restart_if_asked, nxio (fifo without reader), isdir, exist, txtbsy, nodev ...
Result<Ref<File>> open_file(const Caller& caller, const At& at, const OpenRequest& request);
// openat2(2) with RESOLVE_ flags: also loop, xdev and again, as fs/context.hpp says. With walk_rule::scoped, the
// directory of `at` counts for absolute names, too.
Result<Ref<File>> open_by_rules(const Caller& caller, const At& at, const OpenRequest& request, WalkRules rules);
// A file description for an object found already (exec's interpreter, /proc/PID/fd/N opened anew). No creation.
Result<Ref<File>> open_path(const Caller& caller, const Path& path, OpenFlags flags);

// --- making and removing names ----------------------------------------------------------------------------------------
Result<void> make_directory(const Caller& caller, const At& at, Mode mode);
// mknodat(2): regular, fifo, socket, and devices (root only). The path of what was made, for bind(2).
Result<Path> make_node(const Caller& caller, const At& at, FileType type, Mode mode, DeviceNumber represents);
Result<void> make_symlink(const Caller& caller, std::string_view target, const At& at);
Result<void> link(const Caller& caller, const At& from, const At& to, Follow follow, EmptyName empty = EmptyName::refused);
Result<void> unlink(const Caller& caller, const At& at);
Result<void> remove_directory(const Caller& caller, const At& at);
Result<void> rename(const Caller& caller, const At& from, const At& to, RenameMode mode = RenameMode::replace);

// --- attributes -------------------------------------------------------------------------------------------------------
Result<void> change_mode(const Caller& caller, const Object& object, Mode mode);
// No value: leave it as it is (-1).
Result<void> change_owner(const Caller& caller, const Object& object, std::optional<std::uint32_t> user,
                          std::optional<std::uint32_t> group);
struct NewTime {
  enum class Kind : std::uint8_t { set, now, omit } kind = Kind::now;
  Nanoseconds time = 0;
};
Result<void> change_times(const Caller& caller, const Object& object, const NewTime& access, const NewTime& modify);
Result<void> truncate(const Caller& caller, const Path& path, std::uint64_t size, std::uint64_t size_limit = UINT64_MAX);

// --- files without a name ---------------------------------------------------------------------------------------------
// memfd_create(2): a tmpfs file charged to `owner`, open for reading and writing, shown as "/memfd:NAME (deleted)".
Result<Ref<File>> make_memory_file(const Caller& caller, std::string_view name, GuestMemory& owner);

// --- for the files of this layer that make inodes ---------------------------------------------------------------------
// What a new file in `directory` is like: umask, owner, and the group of a set-group-id directory.
Result<NewInode> new_inode_for(const Caller& caller, const Inode& directory, FileType type, Mode mode);

}  // namespace cv6
