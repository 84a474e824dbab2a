// rename(2), in all its cases.
#include "fs/operations.hpp"

namespace cv6 {

namespace {

// The two directories of a rename, locked in an order that everybody keeps: the one above the other first, else the one
// with the lower address. If they differ, the file system's rename mutex is held too: the shape of its tree stands still.
class LockedPair {
 public:
  LockedPair(const Path& a, const Path& b) NO_THREAD_SAFETY_ANALYSIS : a_(a), b_(b) {
    Inode& first = a.inode();
    Inode& second = b.inode();
    if (&first == &second) {
      first.mutex().lock();
      return;
    }
    first.file_system().rename_mutex().lock();
    const bool a_first = b.dentry->is_or_is_below(*a.dentry) ||
                         (!a.dentry->is_or_is_below(*b.dentry) && &first < &second);
    (a_first ? first : second).mutex().lock();
    (a_first ? second : first).mutex().lock();
  }
  ~LockedPair() NO_THREAD_SAFETY_ANALYSIS {
    a_.inode().mutex().unlock();
    if (&a_.inode() == &b_.inode()) return;
    b_.inode().mutex().unlock();
    a_.inode().file_system().rename_mutex().unlock();
  }
  LockedPair(const LockedPair&) = delete;
  LockedPair& operator=(const LockedPair&) = delete;

 private:
  const Path& a_;
  const Path& b_;
};

// What takes part, found with the directories locked.
struct Parts {
  const Walk& from;
  const Walk& to;
  Ref<Dentry> source;
  Ref<Dentry> target;  // may be negative
  RenameMode mode;
};

Result<void> check_last_components(const Walk& from, const Walk& to, RenameMode mode) {
  if (from.parent().mount != to.parent().mount) return Error::xdev;
  if (from.kind() != LastKind::name) return Error::busy;
  if (to.kind() != LastKind::name) return mode == RenameMode::no_replace ? Error::exist : Error::busy;
  if (from.parent().mount->read_only()) return Error::rofs;
  return {};
}

// Kinds, slashes and loops, in Linux' order.
Result<void> check_parts(const Parts& parts) {
  if (parts.source->negative()) return Error::noent;
  if (parts.mode == RenameMode::no_replace && !parts.target->negative()) return Error::exist;
  if (parts.mode == RenameMode::exchange) {
    if (parts.target->negative()) return Error::noent;
    if (!parts.target->inode()->is_directory() && parts.to.trailing_slash()) return Error::notdir;
  }
  if (!parts.source->inode()->is_directory()) {
    if (parts.from.trailing_slash()) return Error::notdir;
    if (parts.mode != RenameMode::exchange && parts.to.trailing_slash()) return Error::notdir;
  }
  if (parts.to.parent().dentry->is_or_is_below(*parts.source)) return Error::inval;
  if (!parts.target->negative() && parts.from.parent().dentry->is_or_is_below(*parts.target))
    return parts.mode == RenameMode::exchange ? Error::inval : Error::notempty;
  return {};
}

Result<void> check_may_rename(const Caller& caller, const Parts& parts) {
  Inode& from = parts.from.parent().inode();
  Inode& to = parts.to.parent().inode();
  Inode& source = *parts.source->inode();
  TRY(check_removal(caller.credentials, from, source));
  if (Inode* target = parts.target->inode()) {
    TRY(check_removal(caller.credentials, to, *target));
    if (parts.mode == RenameMode::exchange) {
      if (target->is_directory() && &from != &to) TRY(check_permission(caller.credentials, *target, access_to::write));
    } else if (source.is_directory() != target->is_directory()) {
      return source.is_directory() ? Error::notdir : Error::isdir;
    }
  } else {
    if (to.removed()) return Error::noent;
    TRY(check_permission(caller.credentials, to, access_to::write | access_to::execute));
  }
  // A directory that gets another parent is itself changed: its `..`.
  if (source.is_directory() && &from != &to) TRY(check_permission(caller.credentials, source, access_to::write));
  if (parts.source->mounted_on() || parts.target->mounted_on()) return Error::busy;
  return {};
}

Result<void> carry_out(const Parts& parts, Own<char[]> room) {
  const Path& from = parts.from.parent();
  const Path& to = parts.to.parent();
  Inode& source = *parts.source->inode();
  Inode* target = parts.target->inode();
  const auto rename = [&] {
    return from.inode().rename(parts.from.last().text, source, to.inode(), parts.to.last().text, target, parts.mode);
  };
  bool taken_out = false;
  if (!target || parts.mode == RenameMode::exchange) {
    TRY(rename());
  } else {
    MutexGuard guard(target->mutex());
    if (parts.target->mounted_on()) return Error::busy;  // Mount::attach holds the target's mutex
    TRY(rename());
    if (target->is_directory() || target->links() == 0) target->set_removed();
    taken_out = parts.target->unlink();
  }
  from.inode().entries_changed();
  if (&from.inode() != &to.inode()) to.inode().entries_changed();
  if (parts.mode == RenameMode::exchange) {
    Dentry::exchange(*parts.source, *parts.target);
    return {};
  }
  if (!target) parts.target->unlink();
  if (taken_out) Dentry::drop_below(*parts.target);
  parts.source->move(*to.dentry, parts.to.last(), std::move(room));
  return {};
}

}  // namespace

Result<void> rename(const Caller& caller, const At& from_at, const At& to_at, RenameMode mode) {
  Walk from(caller);
  Walk to(caller);
  TRY(from.to_parent(from_at));
  TRY(to.to_parent(to_at));
  TRY(check_last_components(from, to, mode));
  Parts parts{from, to, {}, {}, mode};
  Own<char[]> room = TRY(Dentry::room_for(to.last()));
  LockedPair locked(from.parent(), to.parent());
  parts.source = TRY(from.parent().dentry->child(from.last()));
  parts.target = TRY(to.parent().dentry->child(to.last()));
  TRY(check_parts(parts));
  if (parts.source->inode() == parts.target->inode()) return {};  // two names of one file: nothing to do, says POSIX
  TRY(check_may_rename(caller, parts));
  return carry_out(parts, std::move(room));
}

}  // namespace cv6
