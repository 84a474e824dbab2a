// Making, removing and changing names: mkdir(2), unlink(2), rename(2), link(2), symlink(2), readlink(2), mknod(2).
#include "abi/linux/file_status.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"

namespace cv6::linux_abi {
namespace {

Result<long> link_names(Context& context, Descriptor from_directory, UserString from, Descriptor to_directory,
                        UserString to, Flags flags) {
  if (!flags.only(at_symlink_follow | at_empty_path)) return Error::inval;
  NameArgument from_name, to_name;
  TRY(from_name.read(context, from_directory, from));
  TRY(to_name.read(context, to_directory, to));
  TRY(link(caller_of(context), from_name.at(), to_name.at(), flags.has(at_symlink_follow) ? Follow::yes : Follow::no,
           flags.has(at_empty_path) ? EmptyName::means_directory : EmptyName::refused));
  return 0;
}

Result<long> rename_names(Context& context, Descriptor from_directory, UserString from, Descriptor to_directory,
                          UserString to, RenameMode mode) {
  NameArgument from_name, to_name;
  TRY(from_name.read(context, from_directory, from));
  TRY(to_name.read(context, to_directory, to));
  TRY(rename(caller_of(context), from_name.at(), to_name.at(), mode));
  return 0;
}

Result<FileType> node_type(unsigned mode) {
  switch (mode & 0170000) {
    case 0:
    case 0100000: return FileType::regular;
    case 0010000: return FileType::fifo;
    case 0020000: return FileType::character_device;
    case 0060000: return FileType::block_device;
    case 0140000: return FileType::socket;
    case 0040000: return Error::perm;  // a directory: mknod(2)
    default: return Error::inval;
  }
}

Result<long> read_link_to(const Path& link, UserPtr<char> to, std::size_t size) {
  char few[256];
  Vector<char> many;
  std::span<char> text(few, std::min(size, sizeof few));
  if (size > sizeof few) {
    TRY(many.resize(std::min(size, path_max)));
    text = many;
  }
  const std::size_t length = TRY(read_link(link, text));
  TRY(to.write_array(text.first(length)));
  return static_cast<long>(length);
}

}  // namespace

Result<long> sys_mkdir(Context& context, UserString path, FileMode mode) {
  return sys_mkdirat(context, working_directory, path, mode);
}
Result<long> sys_mkdirat(Context& context, Descriptor directory, UserString path, FileMode mode) {
  NameArgument name;
  TRY(name.read(context, directory, path));
  TRY(make_directory(caller_of(context), name.at(), mode.bits & (mode::permissions | mode::sticky)));
  return 0;
}

Result<long> sys_mknod(Context& context, UserString path, FileMode mode, unsigned device) {
  return sys_mknodat(context, working_directory, path, mode, device);
}
Result<long> sys_mknodat(Context& context, Descriptor directory, UserString path, FileMode mode, unsigned device) {
  const FileType type = TRY(node_type(mode.bits));
  NameArgument name;
  TRY(name.read(context, directory, path));
  TRY(make_node(caller_of(context), name.at(), type, mode.bits & mode::all, device_from_linux(device)));
  return 0;
}

Result<long> sys_unlink(Context& context, UserString path) {
  NameArgument name;
  TRY(name.read(path));
  TRY(unlink(caller_of(context), name.at()));
  return 0;
}
Result<long> sys_rmdir(Context& context, UserString path) {
  NameArgument name;
  TRY(name.read(path));
  TRY(remove_directory(caller_of(context), name.at()));
  return 0;
}
Result<long> sys_unlinkat(Context& context, Descriptor directory, UserString path, Flags flags) {
  if (!flags.only(at_removedir)) return Error::inval;
  NameArgument name;
  TRY(name.read(context, directory, path));
  TRY(flags.has(at_removedir) ? remove_directory(caller_of(context), name.at()) : unlink(caller_of(context), name.at()));
  return 0;
}

Result<long> sys_rename(Context& context, UserString from, UserString to) {
  return rename_names(context, working_directory, from, working_directory, to, RenameMode::replace);
}
Result<long> sys_renameat(Context& context, Descriptor from_directory, UserString from, Descriptor to_directory,
                          UserString to) {
  return rename_names(context, from_directory, from, to_directory, to, RenameMode::replace);
}
// RENAME_WHITEOUT, which Linux' tmpfs has, is for overlays: EINVAL, as from file systems that do not know it.
Result<long> sys_renameat2(Context& context, Descriptor from_directory, UserString from, Descriptor to_directory,
                           UserString to, Flags flags) {
  constexpr unsigned no_replace = 1, exchange = 2;
  if (!flags.only(no_replace | exchange) || flags.bits == (no_replace | exchange)) return Error::inval;
  const RenameMode mode = flags.has(no_replace) ? RenameMode::no_replace
                          : flags.has(exchange) ? RenameMode::exchange
                                                : RenameMode::replace;
  return rename_names(context, from_directory, from, to_directory, to, mode);
}

Result<long> sys_link(Context& context, UserString from, UserString to) {
  return link_names(context, working_directory, from, working_directory, to, Flags{0});
}
Result<long> sys_linkat(Context& context, Descriptor from_directory, UserString from, Descriptor to_directory,
                        UserString to, Flags flags) {
  return link_names(context, from_directory, from, to_directory, to, flags);
}

Result<long> sys_symlink(Context& context, UserString target, UserString path) {
  return sys_symlinkat(context, target, working_directory, path);
}
Result<long> sys_symlinkat(Context& context, UserString target, Descriptor directory, UserString path) {
  PathBuffer target_buffer;
  const std::string_view text = TRY(target.read(target_buffer));
  NameArgument name;
  TRY(name.read(context, directory, path));
  TRY(make_symlink(caller_of(context), text, name.at()));
  return 0;
}

Result<long> sys_readlink(Context& context, UserString path, UserPtr<char> to, int size) {
  return sys_readlinkat(context, working_directory, path, to, size);
}
// With an empty name: the symlink itself that the descriptor was opened for with O_PATH | O_NOFOLLOW.
Result<long> sys_readlinkat(Context& context, Descriptor directory, UserString path, UserPtr<char> to, int size) {
  if (size <= 0) return Error::inval;
  NameArgument name;
  TRY(name.read(context, directory, path));
  const EmptyName empty = name.at().directory ? EmptyName::means_directory : EmptyName::refused;
  const Path link = TRY(resolve(caller_of(context), name.at(), Follow::no, empty));
  // Not a symlink is ENOENT for an empty name, EINVAL for others.
  if (name.at().name.empty() && !link.inode().is_symlink()) return Error::noent;
  return read_link_to(link, to, static_cast<std::size_t>(size));
}

}  // namespace cv6::linux_abi
