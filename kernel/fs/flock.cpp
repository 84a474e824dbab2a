// Whole-file locks: flock(2). They belong to the open file description.
#include "fs/file_locks.hpp"
#include "fs/file_locks_private.hpp"

namespace cv6 {

namespace {

HeldFileLock* own_lock(FileLocks& locks, const File& file) REQUIRES(file_locks_lock) {
  for (HeldFileLock& held : locks.whole)
    if (held.file == &file) return &held;
  return nullptr;
}

bool conflicts(FileLocks& locks, const File& file, bool exclusive) REQUIRES(file_locks_lock) {
  for (const HeldFileLock& held : locks.whole)
    if (held.file != &file && (held.exclusive || exclusive)) return true;
  return false;
}

void take_out(FileLocks& locks, HeldFileLock& held) REQUIRES(file_locks_lock) {
  locks.whole.remove(held);
  --locks.whole_count;
}

// Takes the owner's lock away; it is the caller's to delete.
Own<HeldFileLock> take_away(FileLocks& locks, const File& file) {
  Own<HeldFileLock> gone;
  {
    SpinGuard guard(file_locks_lock);
    gone.reset(own_lock(locks, file));
    if (gone) take_out(locks, *gone);
  }
  if (gone) locks.changed.wake_all();
  return gone;
}

// True: `fresh` is held. Whoever shares the open file may have come first: theirs becomes `old`, a file has one at most.
bool try_file_lock(FileLocks& locks, const File& file, Own<HeldFileLock>& fresh, Own<HeldFileLock>& old) {
  SpinGuard guard(file_locks_lock);
  if (conflicts(locks, file, fresh->exclusive)) return false;
  old.reset(own_lock(locks, file));
  if (old) take_out(locks, *old);
  locks.whole.push_back(*fresh.release());
  ++locks.whole_count;
  return true;
}

}  // namespace

// A change of kind gives the old lock up first: it is not atomic, says flock(2).
Result<void> set_file_lock(File& file, FileLockKind kind, LockWait wait) {
  if (file.path_only()) return Error::badf;
  FileLocks& locks = *TRY(locks_of(file.inode()));
  if (kind == FileLockKind::none) {
    take_away(locks, file);
    return {};
  }
  const bool exclusive = kind == FileLockKind::exclusive;
  {
    SpinGuard guard(file_locks_lock);
    const HeldFileLock* held = own_lock(locks, file);
    if (held && held->exclusive == exclusive) return {};
    if (!held && locks.whole_count >= FileLocks::most) return Error::nolck;
  }
  Own<HeldFileLock> fresh(new (std::nothrow) HeldFileLock), old;
  if (!fresh) return Error::nolck;
  fresh->file = &file;
  fresh->exclusive = exclusive;
  take_away(locks, file);
  const auto try_it = [&] { return !fresh || try_file_lock(locks, file, fresh, old); };
  if (wait == LockWait::no) {
    if (!try_it()) return Error::again;
  } else if (!locks.changed.wait(try_it)) {
    return Error::restart_if_asked;
  }
  if (old) locks.changed.wake_all();
  return {};
}

void drop_locks_of_file(File& file) {
  drop_record_locks(file.inode(), &file);
  if (FileLocks* locks = file.inode().locks_slot().load(std::memory_order_acquire)) take_away(*locks, file);
}

}  // namespace cv6
