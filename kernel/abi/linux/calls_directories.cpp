// Directories: getdents(2), getcwd(2), chdir(2), chroot(2), umask(2), mount(2), umount(2).
#include <algorithm>

#include "abi/linux/file_status.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/listing.hpp"
#include "abi/support.hpp"
#include "fs/device.hpp"

namespace cv6::linux_abi {
namespace {

// Directory entries as records of `Record`'s layout, one after the other.
template <class Record>
class RecordSink final : public DirectorySink {
 public:
  RecordSink(UserBytes to, std::size_t size) : to_(to.address()), records_(size) {}

  bool entry(std::string_view name, std::uint64_t number, FileType type, std::uint64_t next) override {
    constexpr std::size_t type_at_end = std::is_same_v<Record, Dirent> ? 1 : 0;
    const std::size_t length = (Record::name_offset + name.size() + 1 + type_at_end + 7) & ~std::size_t{7};
    if (length > records_.room()) {
      full_ = true;
      return false;
    }
    char* const bytes = records_.next();
    constexpr std::size_t most_behind_name = 1 + type_at_end + 7;
    std::memset(bytes + length - most_behind_name, 0, most_behind_name);  // nothing of the kernel's
    Record record{};
    record.d_ino = number;
    record.d_off = static_cast<decltype(record.d_off)>(next);
    record.d_reclen = static_cast<std::uint16_t>(length);
    if constexpr (!type_at_end) record.d_type = directory_entry_type(type);
    std::memcpy(bytes, &record, Record::name_offset);
    std::memcpy(bytes + Record::name_offset, name.data(), name.size());
    if constexpr (type_at_end) bytes[length - 1] = static_cast<char>(directory_entry_type(type));
    records_.add(length);
    return true;
  }

  // Whole records only.
  bool deliver(std::uint64_t& position) override {
    const std::size_t arrived = records_.copy_to(to_);
    if (arrived == records_.size()) {
      written_ = arrived;
      return true;
    }
    Record record;
    while (arrived - written_ >= Record::name_offset) {
      std::memcpy(&record, records_.bytes() + written_, Record::name_offset);
      if (record.d_reclen > arrived - written_) break;
      written_ += record.d_reclen;
      position = static_cast<std::uint64_t>(record.d_off);
    }
    return written_ != 0;
  }

  // What the call returns: entries before an error count.
  Result<long> outcome(const Result<void>& listed) const {
    if (written_ != 0) return static_cast<long>(written_);
    if (!listed) return listed.error();
    if (full_) return Error::inval;  // not even one fits
    return 0;
  }

 private:
  std::uintptr_t to_;
  abi::Listing records_;
  std::size_t written_ = 0;
  bool full_ = false;
};

template <class Record>
Result<long> list_directory(Context& context, Descriptor descriptor, UserBytes to, unsigned size) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  RecordSink<Record> sink(to, size);
  return sink.outcome(file->read_directory(sink));
}

constexpr unsigned long ms_remount = 32, ms_dirsync = 128, ms_nodiratime = 2048, ms_silent = 32768,
                        ms_private = 1ul << 18, ms_rec = 16384, ms_strictatime = 1ul << 24, ms_lazytime = 1ul << 25;
constexpr unsigned long ms_kept = mount_flag::read_only | mount_flag::no_set_id | mount_flag::no_devices |
                                  mount_flag::no_execute | mount_flag::synchronous | mount_flag::no_access_time |
                                  mount_flag::relative_access_time;
// Hints, and what tmpfs and procfs satisfy anyway.
constexpr unsigned long ms_accepted = ms_kept | ms_dirsync | ms_nodiratime | ms_silent | ms_strictatime | ms_lazytime;

Result<std::string_view> read_optional(UserString string, PathBuffer& buffer) {
  if (!string) return std::string_view();
  return string.read(buffer);
}

Result<void> mount_new(Context& context, const Path& where, UserString source, UserString type_name, unsigned long flags,
                       UserString data) {
  PathBuffer type_buffer, source_buffer, data_buffer;
  if (!type_name) return Error::fault;
  const FileSystemType* type = find_file_system(TRY(type_name.read(type_buffer)));
  if (!type) return Error::nodev;
  const std::string_view source_text = TRY(read_optional(source, source_buffer));
  const std::string_view options = TRY(read_optional(data, data_buffer));
  Ref<Dentry> root = TRY(type->make(source_text, options, context.container.memory()));
  // The machine's own instance would be changed by whoever has it mounted; a container has its view of that.
  if (root == devfs::root() && !context.container.is_host()) return Error::perm;
  TRY(Mount::attach(where, std::move(root), source_text.empty() ? "none" : source_text,
                    static_cast<std::uint32_t>(flags & ms_kept)));
  return {};
}

bool is_mount_root(const Path& path) { return path.dentry == &path.mount->root(); }

}  // namespace

Result<long> sys_getdents(Context& context, Descriptor directory, UserBytes to, unsigned size) {
  return list_directory<Dirent>(context, directory, to, size);
}
Result<long> sys_getdents64(Context& context, Descriptor directory, UserBytes to, unsigned size) {
  return list_directory<Dirent64>(context, directory, to, size);
}

// The C library refuses what is not an absolute path; a directory outside of the root shows by this prefix (getcwd(2)).
Result<long> sys_getcwd(Context& context, UserPtr<char> to, std::size_t size) {
  constexpr std::string_view unreachable = "(unreachable)";
  Vector<char> buffer;
  TRY(buffer.resize(unreachable.size() + path_max));
  const FsContext& fs = context.process.fs();
  const auto space = std::span<char>(buffer).subspan(unreachable.size());
  const PathText path = TRY(path_text(fs.working_directory(), fs.root(), space));
  if (path.removed) return Error::noent;
  std::size_t length = path.text.size();
  std::memmove(space.data(), path.text.data(), length);
  char* begin = space.data();
  if (!path.reachable) {
    std::memcpy(buffer.data(), unreachable.data(), unreachable.size());
    begin = buffer.data();
    length += unreachable.size();
  }
  begin[length++] = '\0';
  if (length > size) return Error::range;
  TRY(to.write_array({begin, length}));
  return static_cast<long>(length);
}

Result<long> sys_chdir(Context& context, UserString path) {
  NameArgument name;
  TRY(name.read(path));
  const Caller caller = caller_of(context);
  Path directory = TRY(resolve(caller, name.at(), Follow::yes));
  TRY(check_directory(caller, directory));
  caller.context.set_working_directory(std::move(directory));
  return 0;
}

Result<long> sys_fchdir(Context& context, Descriptor descriptor) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (!file->inode().is_directory()) return Error::notdir;
  const Caller caller = caller_of(context);
  // Through a walk of "." relative to it, which refuses directories of another tree of mounts.
  Path directory = TRY(resolve(caller, At{file.get(), "."}, Follow::yes));
  TRY(check_directory(caller, directory));
  caller.context.set_working_directory(std::move(directory));
  return 0;
}

Result<long> sys_chroot(Context& context, UserString path) {
  NameArgument name;
  TRY(name.read(path));
  const Caller caller = caller_of(context);
  Path directory = TRY(resolve(caller, name.at(), Follow::yes));
  TRY(check_directory(caller, directory));
  if (!caller.credentials.privileged()) return Error::perm;
  caller.context.set_root(std::move(directory));
  return 0;
}

Result<long> sys_umask(Context& context, FileMode mask) { return context.process.fs().set_umask(mask.bits); }

Result<long> sys_mount(Context& context, UserString source, UserString target, UserString type, unsigned long flags,
                       UserString data) {
  if ((flags & 0xffff0000) == 0xc0ed0000) flags &= 0xffff;  // the magic number that was demanded long ago
  if (!context.process.credentials().privileged()) return Error::perm;
  NameArgument name;
  TRY(name.read(target));
  const Path where = TRY(resolve(caller_of(context), name.at(), Follow::yes));
  // Mounts propagate nowhere, so all are private already.
  if ((flags & ~(ms_rec | ms_silent)) == ms_private) return is_mount_root(where) ? Result<long>(0) : Error::inval;
  if (flags & ms_remount) {
    if ((flags & ~(ms_accepted | ms_remount)) || !is_mount_root(where)) return Error::inval;
    if (where.mount->locked()) return Error::perm;
    where.mount->set_flags(static_cast<std::uint32_t>(flags & ms_kept));
    return 0;
  }
  if (flags & ~ms_accepted) return Error::inval;
  TRY(mount_new(context, where, source, type, flags, data));
  return 0;
}

Result<long> sys_umount2(Context& context, UserString target, Flags flags) {
  constexpr unsigned force = 1, detach = 2, no_follow = 8;
  if (!flags.only(force | detach | no_follow)) return Error::inval;
  if (!context.process.credentials().privileged()) return Error::perm;
  NameArgument name;
  TRY(name.read(target));
  const Path mount = TRY(resolve(caller_of(context), name.at(), flags.has(no_follow) ? Follow::no : Follow::yes));
  if (!is_mount_root(mount)) return Error::inval;
  if (mount.mount->locked()) return Error::inval;
  TRY(Mount::detach(mount, flags.has(detach) ? Mount::Detach::at_once : Mount::Detach::when_unused));
  return 0;
}

}  // namespace cv6::linux_abi
