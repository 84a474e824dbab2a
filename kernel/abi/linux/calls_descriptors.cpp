// What can be asked of an open file: fcntl(2), flock(2), ioctl(2).
#include "abi/linux/handlers.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/support.hpp"
#include "container/manager.hpp"
#include "fs/file_locks.hpp"
#include "fs/pipe.hpp"
#include "fs/terminal/pty.hpp"

namespace cv6::linux_abi {
namespace {

enum Fcntl : unsigned {
  f_dupfd = 0, f_getfd = 1, f_setfd = 2, f_getfl = 3, f_setfl = 4, f_getlk = 5, f_setlk = 6, f_setlkw = 7,
  f_ofd_getlk = 36, f_ofd_setlk = 37, f_ofd_setlkw = 38, f_dupfd_cloexec = 1030, f_setpipe_sz = 1031, f_getpipe_sz = 1032,
};
constexpr unsigned fd_cloexec = 1;

constexpr std::int16_t lock_kinds[] = {0, 1, 2};  // F_RDLCK, F_WRLCK, F_UNLCK: the order of RecordLock::Kind

// struct flock's range as first and last byte: fcntl(2), "Advisory record locking".
Result<RecordLock> lock_from_linux(File& file, const Flock& wanted) {
  if (wanted.l_type < 0 || wanted.l_type >= static_cast<int>(std::size(lock_kinds))) return Error::inval;
  std::int64_t start = wanted.l_start;
  if (wanted.l_whence == 1 || wanted.l_whence == 2) {
    const auto base = static_cast<std::int64_t>(wanted.l_whence == 1 ? file.position() : file.inode().size());
    if (__builtin_add_overflow(base, start, &start)) return Error::overflow;
  } else if (wanted.l_whence != 0) {
    return Error::inval;
  }
  if (start < 0) return Error::inval;
  std::int64_t end;
  if (wanted.l_len > 0) {
    if (__builtin_add_overflow(start, wanted.l_len - 1, &end)) return Error::overflow;
  } else if (wanted.l_len < 0) {
    end = start - 1;
    if (__builtin_add_overflow(start, wanted.l_len, &start)) return Error::inval;
  } else {
    end = -1;
  }
  if (start < 0) return Error::inval;
  return RecordLock{static_cast<RecordLock::Kind>(wanted.l_type), static_cast<std::uint64_t>(start),
                    static_cast<std::uint64_t>(end)};
}

LockOwner lock_owner(Context& context, File& file, unsigned command) {
  if (command >= f_ofd_getlk) return {LockOwner::Kind::description, &file, 0};
  return {LockOwner::Kind::process, &context.process.files(),
          static_cast<std::uint64_t>(context.process.pid()->number_in(ContainerManager::host()))};
}

// What this container calls the process with that number on the host; 0: it does not see it.
int visible_number(const Container& viewer, std::uint64_t host_number) {
  const Ref<Pid> pid = ContainerManager::host().pids().find(static_cast<int>(host_number));
  return pid ? pid->number_in(viewer) : 0;
}

Result<long> get_lock(Context& context, File& file, unsigned command, UserPtr<Flock> pointer) {
  Flock lock = TRY(pointer.read());
  if (command == f_ofd_getlk && lock.l_pid != 0) return Error::inval;
  const RecordLock wanted = TRY(lock_from_linux(file, lock));
  if (wanted.kind == RecordLock::Kind::none) return Error::inval;
  LockOwner holder;
  const RecordLock found = find_record_lock(file, lock_owner(context, file, command), wanted, holder);
  lock.l_type = lock_kinds[static_cast<unsigned>(found.kind)];
  if (found.kind != RecordLock::Kind::none) {
    lock.l_whence = 0;
    lock.l_start = static_cast<std::int64_t>(found.start);
    lock.l_len = found.end == UINT64_MAX ? 0 : static_cast<std::int64_t>(found.end - found.start + 1);
    lock.l_pid = holder.kind == LockOwner::Kind::description ? -1 : visible_number(context.container, holder.process);
  }
  TRY(pointer.write(lock));
  return 0;
}

// What is open from outside of the caller's container gives its data: a lock on it would make those outside wait.
Result<void> check_may_lock(const Context& context, const File& file) {
  const std::uint64_t tree = file.opened_in();
  return tree == Mount::no_tree || tree == context.process.fs().tree() ? Result<void>() : Error::nolck;
}

// Another thread may have closed the descriptor while its process waited for the lock, or was about to set it, and have
// found no lock to drop. A close takes the descriptor away before it drops the locks, and here the lock is set before
// the descriptor is looked for: one of the two sees what the other has done. Error::badf: it is gone, and so are the
// locks.
Result<void> check_still_open(DescriptorTable& files, Descriptor descriptor, File& file) {
  const auto now = files.use(descriptor.number);
  if (now && now->get() == &file) return {};
  drop_record_locks(file.inode(), &files);
  return Error::badf;
}

Result<long> set_lock(Context& context, Descriptor descriptor, File& file, unsigned command, UserPtr<Flock> pointer) {
  const Flock lock = TRY(pointer.read());
  if (command >= f_ofd_getlk && lock.l_pid != 0) return Error::inval;
  const LockWait wait = command == f_setlkw || command == f_ofd_setlkw ? LockWait::yes : LockWait::no;
  const RecordLock wanted = TRY(lock_from_linux(file, lock));
  if (wanted.kind != RecordLock::Kind::none) TRY(check_may_lock(context, file));
  const LockOwner owner = lock_owner(context, file, command);
  TRY(set_record_lock(file, owner, wanted, wait));
  if (owner.kind == LockOwner::Kind::process && wanted.kind != RecordLock::Kind::none)
    TRY(check_still_open(context.process.files(), descriptor, file));
  return 0;
}

Result<long> duplicate(Context& context, File& file, unsigned long lowest, CloseOnExec close_on_exec) {
  const std::uint64_t limit = context.process.open_files_limit();
  if (static_cast<unsigned>(lowest) >= limit) return Error::inval;
  return TRY(context.process.files().add(Ref<File>(&file), close_on_exec, limit, static_cast<int>(lowest)));
}

Result<long> set_status_flags(Context& context, File& file, unsigned bits) {
  // Not to note accesses is the owner's privilege (open(2), O_NOATIME).
  if ((bits & o_noatime) && !(file.flags() & open_flag::no_access_time) && !owns(context.process.credentials(), file.inode()))
    return Error::perm;
  OpenFlags flags = 0;
  for (const auto& pair : open_flag_pairs)
    if ((pair.kernel & ~open_flag::changeable) == 0 && (bits & pair.linux_bits)) flags |= pair.kernel;
  file.change_flags(flags);
  return 0;
}

}  // namespace

Result<long> sys_fcntl(Context& context, Descriptor descriptor, unsigned command, unsigned long argument) {
  DescriptorTable& files = context.process.files();
  auto file = TRY(files.use(descriptor.number));
  switch (command) {
    case f_dupfd: return duplicate(context, *file, argument, CloseOnExec::no);
    case f_dupfd_cloexec: return duplicate(context, *file, argument, CloseOnExec::yes);
    case f_getfd: return TRY(files.close_on_exec(descriptor.number)) == CloseOnExec::yes ? fd_cloexec : 0;
    case f_setfd:
      TRY(files.set_close_on_exec(descriptor.number, argument & fd_cloexec ? CloseOnExec::yes : CloseOnExec::no));
      return 0;
    case f_getfl: return open_flags_to_linux(file->flags());
    default: break;
  }
  // The rest needs more than a place: open(2), O_PATH.
  if (file->path_only()) return Error::badf;
  switch (command) {
    case f_setfl: return set_status_flags(context, *file, static_cast<unsigned>(argument));
    case f_getlk:
    case f_ofd_getlk: return get_lock(context, *file, command, UserPtr<Flock>(argument));
    case f_setlk:
    case f_setlkw:
    case f_ofd_setlk:
    case f_ofd_setlkw: return set_lock(context, descriptor, *file, command, UserPtr<Flock>(argument));
    case f_getpipe_sz: return static_cast<long>(TRY(pipe_capacity(*file)));
    case f_setpipe_sz:
      if (argument > UINT32_MAX) return Error::inval;
      return static_cast<long>(
          TRY(set_pipe_capacity(*file, argument, context.process.credentials(), context.container.memory())));
    default: return Error::inval;
  }
}

Result<long> sys_flock(Context& context, Descriptor descriptor, unsigned operation) {
  constexpr unsigned lock_shared = 1, lock_exclusive = 2, lock_nonblocking = 4, unlock = 8;
  auto file = TRY(context.process.files().use(descriptor.number));
  if (file->path_only()) return Error::badf;
  const LockWait wait = operation & lock_nonblocking ? LockWait::no : LockWait::yes;
  if (!(operation & unlock)) TRY(check_may_lock(context, *file));
  switch (operation & ~lock_nonblocking) {
    case lock_shared: TRY(set_file_lock(*file, FileLockKind::shared, wait)); return 0;
    case lock_exclusive: TRY(set_file_lock(*file, FileLockKind::exclusive, wait)); return 0;
    case unlock: TRY(set_file_lock(*file, FileLockKind::none, wait)); return 0;
    default: return Error::inval;
  }
}

namespace {

Result<long> open_peer(Context& context, File& master, unsigned flags) {
  const OpenFlags wanted = TRY(open_flags_from_linux(flags));
  Ref<File> slave = TRY(open_pty_peer(master, caller_of(context), wanted));
  return TRY(context.process.files().add(std::move(slave), close_on_exec_of(flags), context.process.open_files_limit()));
}

}  // namespace

Result<long> sys_ioctl(Context& context, Descriptor descriptor, unsigned request, unsigned long argument) {
  constexpr unsigned fionread = 0x541b, fionbio = 0x5421, fionclex = 0x5450, fioclex = 0x5451;
  constexpr unsigned ficlone = 0x40049409, ficlonerange = 0x4020940d, tiocgptpeer = 0x5441;
  DescriptorTable& files = context.process.files();
  auto file = TRY(files.use(descriptor.number));
  if (file->path_only()) return Error::badf;
  switch (request) {
    case fioclex: TRY(files.set_close_on_exec(descriptor.number, CloseOnExec::yes)); return 0;
    case fionclex: TRY(files.set_close_on_exec(descriptor.number, CloseOnExec::no)); return 0;
    case fionbio: {
      const OpenFlags others = file->flags() & open_flag::changeable & ~open_flag::nonblock;
      file->change_flags(others | (TRY(UserPtr<int>(argument).read()) ? open_flag::nonblock : 0));
      return 0;
    }
    case fionread: {
      const std::size_t bytes = TRY(file->readable_bytes());
      TRY(UserPtr<int>(argument).write(static_cast<int>(bytes)));
      return 0;
    }
    case tiocgptpeer: return open_peer(context, *file, static_cast<unsigned>(argument));
    case ficlone: return clone_range(context, *file, {static_cast<int>(argument), 0, 0, 0});
    case ficlonerange: return clone_range(context, *file, TRY(UserPtr<FileCloneRange>(argument).read()));
    default: return file->control(request, argument);
  }
}

}  // namespace cv6::linux_abi
