// Changing what a file is: chmod(2), chown(2), utimensat(2), truncate(2), fallocate(2).
#include "abi/linux/handlers.hpp"
#include "abi/linux/times.hpp"
#include "abi/support.hpp"
#include "task/send_signal.hpp"

namespace cv6::linux_abi {
namespace {

constexpr Follow follow_unless_asked(Flags flags) { return flags.has(at_symlink_nofollow) ? Follow::no : Follow::yes; }

// Does `change(object)` to what a name means, or with AT_EMPTY_PATH and an empty name to the descriptor's file.
template <class Change>
Result<long> change_at(Context& context, Descriptor directory, UserString path, Flags flags, Change change) {
  NameArgument name;
  TRY(name.read(context, directory, path));
  if (flags.has(at_empty_path) && name.at().name.empty() && name.at().directory) {
    TRY(change(Object(*name.at().directory)));
    return 0;
  }
  const EmptyName empty = flags.has(at_empty_path) ? EmptyName::means_directory : EmptyName::refused;
  const Path found = TRY(resolve(caller_of(context), name.at(), follow_unless_asked(flags), empty));
  TRY(change(Object(found)));
  return 0;
}

// Does it to an open file; one that was opened only as a place (O_PATH) does not do.
template <class Change>
Result<long> change_file(Context& context, Descriptor descriptor, Change change) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  TRY(change(Object(*file)));
  return 0;
}

auto mode_change(Context& context, unsigned bits) {
  return [&context, bits](const Object& object) { return change_mode(caller_of(context), object, bits & mode::all); };
}

constexpr std::optional<std::uint32_t> unless_minus_one(unsigned id) {
  return id == ~0u ? std::nullopt : std::optional<std::uint32_t>(id);
}
auto owner_change(Context& context, unsigned user, unsigned group) {
  return [&context, user, group](const Object& object) {
    return change_owner(caller_of(context), object, unless_minus_one(user), unless_minus_one(group));
  };
}

struct NewTimes {
  NewTime access, modify;
};

Result<NewTime> new_time_from(const Timespec& time) {
  if (time.tv_nsec == utime_now) return NewTime{NewTime::Kind::now, 0};
  if (time.tv_nsec == utime_omit) return NewTime{NewTime::Kind::omit, 0};
  return NewTime{NewTime::Kind::set, TRY(time_from(time))};
}

// A null pointer means now, in all of these calls.
Result<NewTimes> new_times_from(UserPtr<Timespec> pointer) {
  if (!pointer) return NewTimes{};
  Timespec times[2];
  TRY(pointer.read_array(times));
  return NewTimes{TRY(new_time_from(times[0])), TRY(new_time_from(times[1]))};
}
Result<NewTimes> new_times_from(UserPtr<Timeval> pointer) {
  if (!pointer) return NewTimes{};
  Timeval times[2];
  TRY(pointer.read_array(times));
  return NewTimes{{NewTime::Kind::set, TRY(time_from(times[0]))}, {NewTime::Kind::set, TRY(time_from(times[1]))}};
}

auto time_change(Context& context, const NewTimes& times) {
  return [&context, times](const Object& object) {
    return change_times(caller_of(context), object, times.access, times.modify);
  };
}

// RLIMIT_FSIZE also sends SIGXFSZ (setrlimit(2)).
Result<long> finish_resize(Context& context, const Result<void>& done) {
  if (done) return 0;
  if (done.error() == Error::fbig && file_size_limit(context) != ResourceLimit::infinity)
    signal_self(context.thread, signal::file_limit);
  return done.error();
}

}  // namespace

Result<long> sys_chmod(Context& context, UserString path, FileMode mode) {
  return change_at(context, working_directory, path, Flags{0}, mode_change(context, mode.bits));
}
Result<long> sys_fchmod(Context& context, Descriptor file, FileMode mode) {
  return change_file(context, file, mode_change(context, mode.bits));
}
Result<long> sys_fchmodat(Context& context, Descriptor directory, UserString path, FileMode mode) {
  return change_at(context, directory, path, Flags{0}, mode_change(context, mode.bits));
}
Result<long> sys_fchmodat2(Context& context, Descriptor directory, UserString path, FileMode mode, Flags flags) {
  if (!flags.only(at_symlink_nofollow | at_empty_path)) return Error::inval;
  return change_at(context, directory, path, flags, mode_change(context, mode.bits));
}

Result<long> sys_chown(Context& context, UserString path, unsigned user, unsigned group) {
  return change_at(context, working_directory, path, Flags{0}, owner_change(context, user, group));
}
Result<long> sys_lchown(Context& context, UserString path, unsigned user, unsigned group) {
  return change_at(context, working_directory, path, Flags{at_symlink_nofollow}, owner_change(context, user, group));
}
Result<long> sys_fchown(Context& context, Descriptor file, unsigned user, unsigned group) {
  return change_file(context, file, owner_change(context, user, group));
}
Result<long> sys_fchownat(Context& context, Descriptor directory, UserString path, unsigned user, unsigned group,
                          Flags flags) {
  if (!flags.only(at_symlink_nofollow | at_empty_path)) return Error::inval;
  return change_at(context, directory, path, flags, owner_change(context, user, group));
}

Result<long> sys_utime(Context& context, UserString path, UserPtr<Utimbuf> pointer) {
  NewTimes times;
  if (pointer) {
    const Utimbuf wanted = TRY(pointer.read());
    times.access = {NewTime::Kind::set, saturating_nanoseconds(wanted.actime, 0)};
    times.modify = {NewTime::Kind::set, saturating_nanoseconds(wanted.modtime, 0)};
  }
  return change_at(context, working_directory, path, Flags{0}, time_change(context, times));
}
Result<long> sys_utimes(Context& context, UserString path, UserPtr<Timeval> times) {
  return change_at(context, working_directory, path, Flags{0}, time_change(context, TRY(new_times_from(times))));
}
Result<long> sys_futimesat(Context& context, Descriptor directory, UserString path, UserPtr<Timeval> pointer) {
  const NewTimes times = TRY(new_times_from(pointer));
  if (!path) return change_file(context, directory, time_change(context, times));
  return change_at(context, directory, path, Flags{0}, time_change(context, times));
}
Result<long> sys_utimensat(Context& context, Descriptor directory, UserString path, UserPtr<Timespec> pointer, Flags flags) {
  const NewTimes times = TRY(new_times_from(pointer));
  // Nothing to change: nothing is looked at, not even the name.
  if (times.access.kind == NewTime::Kind::omit && times.modify.kind == NewTime::Kind::omit) return 0;
  if (!flags.only(at_symlink_nofollow | at_empty_path)) return Error::inval;
  if (path) return change_at(context, directory, path, flags, time_change(context, times));
  if (flags.bits != 0) return Error::inval;
  if (directory.number == working_directory.number) return Error::fault;
  return change_file(context, directory, time_change(context, times));
}

Result<long> sys_truncate(Context& context, UserString path, long size) {
  if (size < 0) return Error::inval;
  NameArgument name;
  TRY(name.read(path));
  const Path found = TRY(resolve(caller_of(context), name.at(), Follow::yes));
  return finish_resize(context, truncate(caller_of(context), found, static_cast<std::uint64_t>(size), file_size_limit(context)));
}
Result<long> sys_ftruncate(Context& context, Descriptor descriptor, long size) {
  if (size < 0) return Error::inval;
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  return finish_resize(context, file->truncate(static_cast<std::uint64_t>(size), file_size_limit(context)));
}

// Modes other than these need a file system that moves blocks.
Result<long> sys_fallocate(Context& context, Descriptor descriptor, Flags flags, long offset, long length) {
  constexpr unsigned keep_size = 1, punch_hole = 2, zero_range = 0x10;
  auto file = TRY(context.process.files().use(descriptor.number));
  if (offset < 0 || length <= 0) return Error::inval;
  Allocate how;
  switch (flags.bits) {
    case 0: how = Allocate::extend; break;
    case keep_size: how = Allocate::keep_size; break;
    case keep_size | punch_hole: how = Allocate::punch_hole; break;
    case zero_range: how = Allocate::zero_range; break;
    case zero_range | keep_size: how = Allocate::zero_range_keep_size; break;
    default: return Error::opnotsupp;
  }
  long end;
  if (__builtin_add_overflow(offset, length, &end)) return Error::fbig;
  return finish_resize(context, file->allocate(how, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length),
                                               file_size_limit(context)));
}

}  // namespace cv6::linux_abi
