// To stable storage: sync(2), fsync(2), posix_fadvise(2). And extended attributes, xattr(7), which no file system here
// keeps: a file has none, and cannot be given one.
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"

namespace cv6::linux_abi {
namespace {

// What cannot be on a disk at all.
bool is_stream(const File& file) {
  const FileType type = file.inode().type();
  return type == FileType::fifo || type == FileType::character_device || type == FileType::socket;
}

Result<long> sync_file(Context& context, Descriptor descriptor) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  if (is_stream(*file)) return Error::inval;
  TRY(file->sync());
  return 0;
}

// Checks a call on one attribute as far as it goes before the file system would be asked.
Result<void> check_name(UserString name_pointer) {
  PathBuffer buffer;
  const std::string_view name = TRY(name_pointer.read(buffer));
  if (name.empty() || name.size() > name_max) return Error::range;
  return {};
}
Result<void> check_path(Context& context, UserString path, Follow follow) {
  NameArgument name;
  TRY(name.read(path));
  TRY(resolve(caller_of(context), name.at(), follow));
  return {};
}
Result<void> check_file(Context& context, Descriptor descriptor) {
  const bool path_only = TRY(context.process.files().use(descriptor.number))->path_only();
  if (path_only) return Error::badf;
  return {};
}

Result<long> no_attribute(Result<void> object, UserString name) {
  TRY(check_name(name));
  TRY(object);
  return Error::opnotsupp;
}
Result<long> empty_list(Result<void> object) {
  TRY(object);
  return 0;
}

}  // namespace

// Everything is in memory: there is nothing to wait for.
Result<long> sys_sync(Context&) { return 0; }
Result<long> sys_syncfs(Context& context, Descriptor descriptor) {
  TRY(check_file(context, descriptor));
  return 0;
}

Result<long> sys_fsync(Context& context, Descriptor descriptor) { return sync_file(context, descriptor); }
Result<long> sys_fdatasync(Context& context, Descriptor descriptor) { return sync_file(context, descriptor); }

Result<long> sys_sync_file_range(Context& context, Descriptor descriptor, long offset, long length, Flags flags) {
  constexpr unsigned known = 7;
  auto file = TRY(context.process.files().use(descriptor.number));
  long end;
  if (!flags.only(known) || offset < 0 || length < 0 || __builtin_add_overflow(offset, length, &end)) return Error::inval;
  if (is_stream(*file)) return Error::spipe;
  TRY(file->sync());
  return 0;
}

// Advice has no effect on files in memory.
Result<long> sys_fadvise64(Context& context, Descriptor descriptor, long, std::size_t length, int advice) {
  constexpr int last_advice = 5;
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  if (file->inode().type() == FileType::fifo) return Error::spipe;
  if (advice < 0 || advice > last_advice || length > PTRDIFF_MAX) return Error::inval;
  return 0;
}
Result<long> sys_readahead(Context& context, Descriptor descriptor, long, std::size_t) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (!file->readable()) return Error::badf;
  if (!file->inode().is_regular()) return Error::inval;
  return 0;
}

Result<long> sys_getxattr(Context& context, UserString path, UserString name, UserBytes, std::size_t) {
  return no_attribute(check_path(context, path, Follow::yes), name);
}
Result<long> sys_lgetxattr(Context& context, UserString path, UserString name, UserBytes, std::size_t) {
  return no_attribute(check_path(context, path, Follow::no), name);
}
Result<long> sys_fgetxattr(Context& context, Descriptor file, UserString name, UserBytes, std::size_t) {
  return no_attribute(check_file(context, file), name);
}
Result<long> sys_setxattr(Context& context, UserString path, UserString name, UserBytes, std::size_t, Flags) {
  return no_attribute(check_path(context, path, Follow::yes), name);
}
Result<long> sys_lsetxattr(Context& context, UserString path, UserString name, UserBytes, std::size_t, Flags) {
  return no_attribute(check_path(context, path, Follow::no), name);
}
Result<long> sys_fsetxattr(Context& context, Descriptor file, UserString name, UserBytes, std::size_t, Flags) {
  return no_attribute(check_file(context, file), name);
}
Result<long> sys_removexattr(Context& context, UserString path, UserString name) {
  return no_attribute(check_path(context, path, Follow::yes), name);
}
Result<long> sys_lremovexattr(Context& context, UserString path, UserString name) {
  return no_attribute(check_path(context, path, Follow::no), name);
}
Result<long> sys_fremovexattr(Context& context, Descriptor file, UserString name) {
  return no_attribute(check_file(context, file), name);
}
Result<long> sys_listxattr(Context& context, UserString path, UserBytes, std::size_t) {
  return empty_list(check_path(context, path, Follow::yes));
}
Result<long> sys_llistxattr(Context& context, UserString path, UserBytes, std::size_t) {
  return empty_list(check_path(context, path, Follow::no));
}
Result<long> sys_flistxattr(Context& context, Descriptor file, UserBytes, std::size_t) {
  return empty_list(check_file(context, file));
}

}  // namespace cv6::linux_abi
