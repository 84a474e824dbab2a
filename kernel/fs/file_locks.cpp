// Record locks: fcntl(2), "Advisory record locking" and "Open file description locks".
#include "fs/file_locks.hpp"

#include <algorithm>

#include "fs/file_locks_private.hpp"
#include "mm/payer.hpp"

namespace cv6 {

constinit SpinLock file_locks_lock{Rank::file_locks};

namespace {

using Kind = RecordLock::Kind;

struct ByNumber {
  std::uint64_t operator()(const FileLocks& locks) const { return locks.number; }
};
constinit Tree<FileLocks, &FileLocks::node, ByNumber> all_locks GUARDED_BY(file_locks_lock);
constinit std::uint64_t last_number GUARDED_BY(file_locks_lock) = 0;
constinit List<WaitingLock, &WaitingLock::node> waiting GUARDED_BY(file_locks_lock);

bool overlap(const RecordLock& a, const RecordLock& b) { return a.start <= b.end && b.start <= a.end; }
bool touch_or_overlap(const RecordLock& a, const RecordLock& b) {
  return (a.end == UINT64_MAX || b.start <= a.end + 1) && (b.end == UINT64_MAX || a.start <= b.end + 1);
}
bool same_owner(const LockOwner& a, const LockOwner& b) { return a.kind == b.kind && a.identity == b.identity; }

HeldLock* conflict(FileLocks& locks, const LockOwner& owner, const RecordLock& wanted) REQUIRES(file_locks_lock) {
  for (HeldLock& held : locks.records) {
    if (held.range.start > wanted.end) break;
    if (!same_owner(held.owner, owner) && overlap(held.range, wanted) &&
        (held.range.kind == Kind::write || wanted.kind == Kind::write))
      return &held;
  }
  return nullptr;
}

void insert_in_order(FileLocks& locks, HeldLock& fresh) REQUIRES(file_locks_lock) {
  ++locks.record_count;
  for (HeldLock& held : locks.records)
    if (held.range.start > fresh.range.start) return locks.records.insert_before(held, fresh);
  locks.records.push_back(fresh);
}

void take_out(FileLocks& locks, HeldLock& held) REQUIRES(file_locks_lock) {
  locks.records.remove(held);
  --locks.record_count;
}

// With `wanted` the owner will have no more locks than now: it becomes one with another one, or comes in its place.
bool takes_place(FileLocks& locks, const LockOwner& owner, const RecordLock& wanted) REQUIRES(file_locks_lock) {
  for (const HeldLock& held : locks.records) {
    if (!same_owner(held.owner, owner)) continue;
    const RecordLock& old = held.range;
    if (old.kind == wanted.kind ? touch_or_overlap(old, wanted) : wanted.start <= old.start && old.end <= wanted.end) return true;
  }
  return false;
}

using Garbage = List<HeldLock, &HeldLock::node>;

// Gives the owner `wanted` on its range, whatever it had there. `spare`: two objects, of which those that are needed are
// taken; `garbage`: objects that are not needed any more. True: others may have what they wait for now. Error::nolck: nothing
// has changed.
Result<bool> apply(FileLocks& locks, const LockOwner& owner, RecordLock wanted, Garbage& spare, Garbage& garbage)
    REQUIRES(file_locks_lock) {
  if (wanted.kind != Kind::none && locks.record_count >= FileLocks::most && !takes_place(locks, owner, wanted))
    return Error::nolck;
  bool released = false;
  for (HeldLock& held : locks.records) {
    if (!same_owner(held.owner, owner)) continue;
    const RecordLock old = held.range;
    if (old.kind == wanted.kind && touch_or_overlap(old, wanted)) {  // one with the new one
      wanted.start = std::min(wanted.start, old.start);
      wanted.end = std::max(wanted.end, old.end);
      take_out(locks, held);
      garbage.push_back(held);
      continue;
    }
    if (!overlap(old, wanted)) continue;
    released = true;
    const bool left = old.start < wanted.start;
    const bool right = old.end > wanted.end;
    if (left && right) {  // the only one that is touched
      const unsigned most = wanted.kind == Kind::none ? 2 * FileLocks::most : FileLocks::most;  // to unlock must be easy
      if (locks.record_count >= most) return Error::nolck;
      HeldLock& rest = *spare.pop_front();
      rest.owner = owner;
      rest.range = {old.kind, wanted.end + 1, old.end};
      held.range.end = wanted.start - 1;
      insert_in_order(locks, rest);
      break;
    }
    if (left) {
      held.range.end = wanted.start - 1;
    } else if (right) {
      held.range.start = wanted.end + 1;
      take_out(locks, held);
      insert_in_order(locks, held);
    } else {
      take_out(locks, held);
      garbage.push_back(held);
    }
  }
  if (wanted.kind != Kind::none) {
    HeldLock& fresh = *spare.pop_front();
    fresh.owner = owner;
    fresh.range = wanted;
    insert_in_order(locks, fresh);
  }
  return released;
}

void free_all(Garbage& garbage) {
  while (HeldLock* lock = garbage.pop_front()) delete lock;
}

// Whom the process that `owner` is waits for: as things are now, for what once blocked it may be gone, and it has not run
// since. Null: for nobody.
HeldLock* blocker_of(const LockOwner& owner) REQUIRES(file_locks_lock) {
  for (WaitingLock& waiter : waiting) {
    HeldLock* held = same_owner(waiter.owner, owner) ? conflict(*waiter.locks, owner, waiter.range) : nullptr;
    if (held) return held;
  }
  return nullptr;
}

// Would `owner` wait for itself, through others that wait? Only processes wait for each other: who uses a description
// cannot be told. Each step looks at all that wait, so longer chains are not followed, nor are they on Linux.
bool deadlock(const LockOwner& owner, const HeldLock* blocker) REQUIRES(file_locks_lock) {
  constexpr unsigned most_steps = 10;
  for (unsigned steps = 0; blocker && steps < most_steps; ++steps) {
    if (blocker->owner.kind != LockOwner::Kind::process) return false;
    if (same_owner(blocker->owner, owner)) return true;
    blocker = blocker_of(blocker->owner);
  }
  return false;
}

Result<void> check_open_mode(const File& file, Kind kind) {
  if (file.path_only()) return Error::badf;
  if (kind == Kind::read && !file.readable()) return Error::badf;
  if (kind == Kind::write && !file.writable()) return Error::badf;
  return {};
}

enum class Attempt : std::uint8_t { done, blocked, deadlock, too_many };

Attempt try_record_lock(FileLocks& locks, WaitingLock& request, LockWait wait, Garbage& spare, Garbage& garbage) {
  bool released = false;
  {
    SpinGuard guard(file_locks_lock);
    HeldLock* blocker = request.range.kind == Kind::none ? nullptr : conflict(locks, request.owner, request.range);
    if (blocker) {
      if (wait == LockWait::yes && request.owner.kind == LockOwner::Kind::process && deadlock(request.owner, blocker))
        return Attempt::deadlock;
      if (wait == LockWait::yes && !request.node.linked()) waiting.push_back(request);
      return Attempt::blocked;
    }
    request.node.unlink();  // who has what it wanted waits for nobody
    const Result<bool> applied = apply(locks, request.owner, request.range, spare, garbage);
    if (!applied) return Attempt::too_many;
    released = *applied;
  }
  if (released) locks.changed.wake_all();
  return Attempt::done;
}

}  // namespace

Result<FileLocks*> locks_of(Inode& inode) {
  if (FileLocks* locks = inode.locks_slot().load(std::memory_order_acquire)) return locks;
  // All containers see the same inode: a lock would be seen sideways, and what it leaves with the inode would stay.
  if (inode.file_system().in_view() == FileSystem::InView::as_it_is) return Error::nolck;
  Own<FileLocks> fresh;
  {
    // They stay for as long as the inode does, whoever locks it first.
    GuestMemory& owner = inode.charged_to();
    payer::Scope scope(&owner == &GuestMemory::host() ? nullptr : &owner);
    fresh.reset(new (std::nothrow) FileLocks(inode));
  }
  if (!fresh) return Error::nolck;
  FileLocks* expected = nullptr;
  if (!inode.locks_slot().compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) return expected;
  SpinGuard guard(file_locks_lock);
  fresh->number = ++last_number;
  all_locks.insert(*fresh);
  return fresh.release();
}

Result<void> set_record_lock(File& file, const LockOwner& owner, const RecordLock& lock, LockWait wait) {
  TRY(check_open_mode(file, lock.kind));
  if (lock.kind == Kind::none && !file.inode().may_have_locks()) return {};
  FileLocks& locks = *TRY(locks_of(file.inode()));
  Garbage spare, garbage;
  Result<void> outcome;
  for (int i = 0; i < 2 && outcome; ++i) {
    HeldLock* object = new (std::nothrow) HeldLock;
    if (object) spare.push_back(*object);
    else outcome = Error::nolck;
  }
  WaitingLock request{.owner = owner, .range = lock, .locks = &locks, .node = {}};
  Attempt attempt = Attempt::blocked;
  const auto try_it = [&] {
    attempt = try_record_lock(locks, request, wait, spare, garbage);
    return attempt != Attempt::blocked;
  };
  if (outcome) {
    if (wait == LockWait::no)
      outcome = try_it() ? Result<void>() : Error::again;
    else if (!locks.changed.wait(try_it) && attempt == Attempt::blocked)
      outcome = Error::restart_if_asked;
  }
  {
    SpinGuard guard(file_locks_lock);
    request.node.unlink();
  }
  free_all(spare);
  free_all(garbage);
  if (outcome && attempt == Attempt::deadlock) return Error::deadlk;
  if (outcome && attempt == Attempt::too_many) return Error::nolck;
  return outcome;
}

RecordLock find_record_lock(File& file, const LockOwner& owner, const RecordLock& wanted, LockOwner& holder) {
  FileLocks* locks = file.inode().locks_slot().load(std::memory_order_acquire);
  if (!locks) return {};
  SpinGuard guard(file_locks_lock);
  const HeldLock* held = conflict(*locks, owner, wanted);
  if (!held) return {};
  holder = held->owner;
  return held->range;
}

void drop_record_locks(Inode& inode, const void* identity) {
  FileLocks* locks = inode.locks_slot().load(std::memory_order_acquire);
  if (!locks) return;
  Garbage garbage;
  {
    SpinGuard guard(file_locks_lock);
    for (HeldLock& held : locks->records)
      if (held.owner.identity == identity) {
        take_out(*locks, held);
        garbage.push_back(held);
      }
  }
  if (!garbage.empty()) locks->changed.wake_all();
  free_all(garbage);
}

void destroy_locks(Inode& inode) {
  FileLocks* locks = inode.locks_slot().load(std::memory_order_acquire);
  {
    SpinGuard guard(file_locks_lock);
    all_locks.remove(*locks);
  }
  while (HeldLock* held = locks->records.pop_front()) delete held;
  while (HeldFileLock* held = locks->whole.pop_front()) delete held;
  delete locks;
}

bool next_locks(LockPosition& position, std::span<LockDescription> to, std::size_t& count) {
  SpinGuard guard(file_locks_lock);
  FileLocks* const locks = all_locks.lower_bound(position.file);
  const std::size_t passed = locks && locks->number != position.file ? 0 : position.passed;  // 0: another file
  std::size_t seen = count = 0;
  const auto tell = [&](const LockDescription& lock) {
    if (seen++ >= passed && count < to.size()) to[count++] = lock;
  };
  const auto describe = [&](const FileLocks& locks, const LockOwner& owner, const RecordLock& range, bool waits) {
    const bool process = owner.kind == LockOwner::Kind::process;
    tell({process ? "POSIX" : "OFDLCK", range.kind == Kind::write, waits, process ? owner.process : 0,
          locks.inode.file_system().device(), locks.inode.number(), range.start, range.end});
  };
  if (locks) {
    for (const HeldLock& held : locks->records) describe(*locks, held.owner, held.range, false);
    for (const HeldFileLock& held : locks->whole)
      tell({"FLOCK", held.exclusive, false, 0, locks->inode.file_system().device(), locks->inode.number(), 0, UINT64_MAX});
  } else {
    for (const WaitingLock& waiter : waiting) describe(*waiter.locks, waiter.owner, waiter.range, true);
  }
  if (count == to.size())
    position = {locks ? locks->number : UINT64_MAX, passed + count};
  else
    position = {locks ? locks->number + 1 : UINT64_MAX, 0};
  return locks || count == to.size();
}

}  // namespace cv6
