// What a file is: stat(2), statx(2), access(2), statfs(2).
#include <optional>

#include "abi/linux/file_status.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "fs/walk.hpp"

namespace cv6::linux_abi {
namespace {

constexpr EmptyName empty_name_of(Flags flags) {
  return flags.has(at_empty_path) ? EmptyName::means_directory : EmptyName::refused;
}
constexpr Follow follow_unless_asked(Flags flags) { return flags.has(at_symlink_nofollow) ? Follow::no : Follow::yes; }

// Shows the status of what a name means; an empty one means the descriptor's file, which need not have a place (a pipe).
template <class Shown>
Result<long> report_status(Context& context, Descriptor directory, UserString path, Flags flags, UserPtr<Shown> to,
                           Shown (*show)(const FileStatus&)) {
  NameArgument name;
  TRY(name.read(context, directory, path));
  const Caller caller = caller_of(context);
  if (flags.has(at_empty_path) && name.at().name.empty()) {
    const File* file = name.at().directory;
    TRY(to.write(show(file ? file->status() : status_of(caller.context.working_directory()))));
    return 0;
  }
  Walk walk(caller);
  TRY(walk.to_object(name.at(), follow_unless_asked(flags)));
  TRY(to.write(show(status_of(walk.object()))));
  return 0;
}

// access(2) asks about the real ids, and makes them temporary credentials where they differ.
Result<long> check_access_at(Context& context, Descriptor directory, UserString path, unsigned wanted, Flags flags) {
  if (wanted & ~7u) return Error::inval;
  NameArgument name;
  TRY(name.read(context, directory, path));
  Caller caller = caller_of(context);
  const Identities& ids = caller.credentials.ids();
  Ref<const Credentials> real;
  if (!flags.has(at_eaccess) && (ids.user != ids.file_user || ids.group != ids.file_group))
    real = TRY(caller.credentials.with_real_ids());
  const Caller asking{caller.context, real ? *real : caller.credentials};
  if (flags.has(at_empty_path) && name.at().name.empty() && name.at().directory) {
    TRY(check_access(asking, *name.at().directory, wanted));
    return 0;
  }
  const Path found = TRY(resolve(asking, name.at(), follow_unless_asked(flags), empty_name_of(flags)));
  TRY(check_access(asking, found, wanted));
  return 0;
}

Result<long> report_file_system(const Object& object, UserPtr<Statfs> result) {
  const FileSystemStatus status = TRY(file_system_status_of(object));
  // ST_VALID, and the mount flags by their ST_ values, which are those of mount(2) but for RELATIME.
  std::int64_t flags = 0x20;
  flags |= status.mount_flags & (mount_flag::read_only | mount_flag::no_set_id | mount_flag::no_devices |
                                 mount_flag::no_execute | mount_flag::synchronous | mount_flag::no_access_time);
  if (!(status.mount_flags & mount_flag::no_access_time)) flags |= 0x1000;
  TRY(result.write({
      .f_type = static_cast<std::int64_t>(status.magic),
      .f_bsize = static_cast<std::int64_t>(status.block_size),
      .f_blocks = status.blocks,
      .f_bfree = status.blocks_free,
      .f_bavail = status.blocks_available,
      .f_files = status.files,
      .f_ffree = status.files_free,
      .f_fsid = {static_cast<std::int32_t>(status.identity), static_cast<std::int32_t>(status.identity >> 32)},
      .f_namelen = static_cast<std::int64_t>(status.name_size),
      .f_frsize = static_cast<std::int64_t>(status.block_size),
      .f_flags = flags,
      .f_spare = {},
  }));
  return 0;
}

}  // namespace

Result<long> sys_stat(Context& context, UserString path, UserPtr<Stat> result) {
  return report_status(context, working_directory, path, Flags{0}, result, stat_of);
}

Result<long> sys_lstat(Context& context, UserString path, UserPtr<Stat> result) {
  return report_status(context, working_directory, path, Flags{at_symlink_nofollow}, result, stat_of);
}

Result<long> sys_fstat(Context& context, Descriptor descriptor, UserPtr<Stat> result) {
  auto file = TRY(context.process.files().use(descriptor.number));
  TRY(result.write(stat_of(file->status())));
  return 0;
}

Result<long> sys_newfstatat(Context& context, Descriptor directory, UserString path, UserPtr<Stat> result, Flags flags) {
  if (!flags.only(at_symlink_nofollow | at_no_automount | at_empty_path)) return Error::inval;
  return report_status(context, directory, path, flags, result, stat_of);
}

// All that is known is reported, whatever `mask` asks for, as statx(2) allows.
Result<long> sys_statx(Context& context, Descriptor directory, UserString path, Flags flags, unsigned mask,
                       UserPtr<Statx> result) {
  if (!flags.only(at_symlink_nofollow | at_no_automount | at_empty_path | at_statx_sync_type)) return Error::inval;
  if ((flags.bits & at_statx_sync_type) == at_statx_sync_type || (mask & statx_reserved)) return Error::inval;
  return report_status(context, directory, path, flags, result, statx_of);
}

Result<long> sys_access(Context& context, UserString path, unsigned mode) {
  return check_access_at(context, working_directory, path, mode, Flags{0});
}

Result<long> sys_faccessat(Context& context, Descriptor directory, UserString path, unsigned mode) {
  return check_access_at(context, directory, path, mode, Flags{0});
}

Result<long> sys_faccessat2(Context& context, Descriptor directory, UserString path, unsigned mode, Flags flags) {
  if (!flags.only(at_eaccess | at_symlink_nofollow | at_empty_path)) return Error::inval;
  return check_access_at(context, directory, path, mode, flags);
}

Result<long> sys_statfs(Context& context, UserString path, UserPtr<Statfs> result) {
  NameArgument name;
  TRY(name.read(path));
  const Path found = TRY(resolve(caller_of(context), name.at(), Follow::yes));
  return report_file_system(found, result);
}

Result<long> sys_fstatfs(Context& context, Descriptor descriptor, UserPtr<Statfs> result) {
  auto file = TRY(context.process.files().use(descriptor.number));
  return report_file_system(*file, result);
}

}  // namespace cv6::linux_abi
