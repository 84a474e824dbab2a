#include "task/futex.hpp"

#include "arch/user_memory.hpp"
#include "lib/hash_table.hpp"
#include "task/process.hpp"

namespace cv6::futex {

namespace {

using Key = AddressSpace::FutexKey;

// What a robust futex's word is made of, get_robust_list(2).
constexpr std::uint32_t has_waiters = 0x80000000, owner_died = 0x40000000, owner_mask = 0x3fffffff;

struct Bucket;

// A thread that sleeps on a word. In a bucket's list until somebody wakes it or it gives up.
struct Sleeper {
  Sleeper(const Key& key, std::uint32_t bitset) : key(key), bitset(bitset) {}
  Key key;
  std::uint32_t bitset;
  Event event;
  bool woken = false;                   // under the bucket's lock
  std::atomic<Bucket*> bucket{nullptr};  // null: being moved to another one (requeue)
  ListNode node;
};

struct Bucket {
  SpinLock lock{Rank::futex};
  List<Sleeper, &Sleeper::node> sleepers GUARDED_BY(lock);
};

constexpr std::size_t bucket_count = 256;
constinit Bucket buckets[bucket_count];

Bucket& bucket_of(const Key& key) {
  return buckets[mix(reinterpret_cast<std::uintptr_t>(key.identity) + key.offset) % bucket_count];
}

Result<Key> key_of(UserThread& thread, std::uintptr_t word, Scope scope) {
  if (word % sizeof(std::uint32_t) != 0) return Error::inval;
  if (!arch::is_user_range(word, sizeof(std::uint32_t))) return Error::fault;
  AddressSpace& space = thread.process().address_space();
  if (scope == Scope::private_) return Key{&space, word};
  return space.futex_key(word);
}

void enter(Bucket& bucket, Sleeper& sleeper) REQUIRES(bucket.lock) {
  bucket.sleepers.push_back(sleeper);
  sleeper.bucket.store(&bucket, std::memory_order_release);  // pairs with acquire in leave()
}

// Takes the sleeper out of whatever bucket it is in. True: somebody had woken it.
bool leave(Sleeper& sleeper) {
  while (true) {
    Bucket* bucket = sleeper.bucket.load(std::memory_order_acquire);
    if (!bucket) {
      arch::relax();  // between two buckets for a few instructions
      continue;
    }
    SpinGuard guard(bucket->lock);
    if (sleeper.bucket.load(std::memory_order_relaxed) != bucket) continue;
    bucket->sleepers.remove(sleeper);
    return sleeper.woken;
  }
}

long wake_in(Bucket& bucket, const Key& key, int count, std::uint32_t bitset) {
  long woken = 0;
  SpinGuard guard(bucket.lock);
  for (Sleeper& sleeper : bucket.sleepers) {
    if (woken >= count) break;
    if (!(sleeper.key == key) || !(sleeper.bitset & bitset)) continue;
    bucket.sleepers.remove(sleeper);
    sleeper.woken = true;
    sleeper.event.raise();  // under the lock: the sleeper is not gone before leave() gets it
    ++woken;
  }
  return woken;
}

Result<void> sleep_while_unchanged(Sleeper& sleeper, std::uintptr_t word, std::uint32_t expected, Nanoseconds deadline) {
  std::uint32_t value;
  if (!arch::load_user_word(word, value)) return Error::fault;
  if (value != expected) return Error::again;
  return sleep_until_raised(sleeper.event, Wait::interruptible, deadline);
}

}  // namespace

Result<void> wait(UserThread& thread, std::uintptr_t word, Scope scope, std::uint32_t expected, Nanoseconds deadline,
                  std::uint32_t bitset) {
  if (bitset == 0) return Error::inval;
  Sleeper sleeper(TRY(key_of(thread, word, scope)), bitset);
  Bucket& bucket = bucket_of(sleeper.key);
  {
    SpinGuard guard(bucket.lock);
    enter(bucket, sleeper);
  }
  const Result<void> slept = sleep_while_unchanged(sleeper, word, expected, deadline);
  // Whoever was woken was counted by its waker: that is a success, whatever else happened at the same time.
  if (leave(sleeper) || slept) return {};
  if (slept.error() != Error::intr) return slept.error();
  return deadline == never ? Error::restart_if_asked : Error::restart_timed;
}

Result<long> wake(UserThread& thread, std::uintptr_t word, Scope scope, int count, std::uint32_t bitset) {
  if (bitset == 0) return Error::inval;
  const Key key = TRY(key_of(thread, word, scope));
  return wake_in(bucket_of(key), key, count, bitset);
}

Result<long> requeue(UserThread& thread, std::uintptr_t word, std::uintptr_t target, Scope scope, int wake_count,
                     int move_count, const std::uint32_t* expected) {
  if (wake_count < 0 || move_count < 0) return Error::inval;
  const Key from = TRY(key_of(thread, word, scope));
  const Key to = TRY(key_of(thread, target, scope));
  if (expected) {
    std::uint32_t value;
    if (!arch::load_user_word(word, value)) return Error::fault;
    if (value != *expected) return Error::again;
  }
  const long woken = wake_in(bucket_of(from), from, wake_count, match_any);

  // In two steps, so that never two buckets are locked at once; in between the movers belong to no bucket.
  List<Sleeper, &Sleeper::node> movers;
  long moved = 0;
  {
    Bucket& bucket = bucket_of(from);
    SpinGuard guard(bucket.lock);
    for (Sleeper& sleeper : bucket.sleepers) {
      if (moved >= move_count) break;
      if (!(sleeper.key == from)) continue;
      bucket.sleepers.remove(sleeper);
      sleeper.bucket.store(nullptr, std::memory_order_relaxed);
      movers.push_back(sleeper);
      ++moved;
    }
  }
  {
    Bucket& bucket = bucket_of(to);
    SpinGuard guard(bucket.lock);
    while (Sleeper* sleeper = movers.pop_front()) {
      sleeper->key = to;
      enter(bucket, *sleeper);
    }
  }
  return expected ? woken + moved : woken;
}

namespace {

// The operation word of FUTEX_WAKE_OP, futex(2).
struct ChangeOperation {
  enum class Change : std::uint8_t { set, add, bit_or, bit_and_not, bit_xor };
  enum class Compare : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };
  Change change;
  Compare compare;
  std::int32_t operand, comparand;

  static Result<ChangeOperation> decode(std::uint32_t word) {
    constexpr std::uint32_t operand_is_shift = 8;
    const std::uint32_t change = word >> 28, compare = word >> 24 & 15;
    std::int32_t operand = static_cast<std::int32_t>(word << 8) >> 20;
    const std::int32_t comparand = static_cast<std::int32_t>(word << 20) >> 20;
    if (change & operand_is_shift) operand = static_cast<std::int32_t>(1u << (operand & 31));
    if ((change & 7) > 4 || compare > 5) return Error::nosys;
    return ChangeOperation{static_cast<Change>(change & 7), static_cast<Compare>(compare), operand, comparand};
  }
  std::uint32_t apply(std::uint32_t old) const {
    const auto by = static_cast<std::uint32_t>(operand);
    switch (change) {
      case Change::set: return by;
      case Change::add: return old + by;
      case Change::bit_or: return old | by;
      case Change::bit_and_not: return old & ~by;
      case Change::bit_xor: return old ^ by;
    }
    __builtin_unreachable();
  }
  bool holds(std::uint32_t old) const {
    const auto value = static_cast<std::int32_t>(old);
    switch (compare) {
      case Compare::equal: return value == comparand;
      case Compare::not_equal: return value != comparand;
      case Compare::less: return value < comparand;
      case Compare::less_equal: return value <= comparand;
      case Compare::greater: return value > comparand;
      case Compare::greater_equal: return value >= comparand;
    }
    __builtin_unreachable();
  }
};

}  // namespace

Result<long> wake_and_change(UserThread& thread, std::uintptr_t word, std::uintptr_t second, Scope scope, int count,
                             int second_count, std::uint32_t operation) {
  const Key key = TRY(key_of(thread, word, scope));
  const Key second_key = TRY(key_of(thread, second, scope));
  const ChangeOperation change = TRY(ChangeOperation::decode(operation));
  std::uint32_t old;
  if (!arch::load_user_word(second, old)) return Error::fault;
  for (std::uint32_t found = old;; old = found) {
    if (!arch::compare_exchange_user_word(second, found, change.apply(old))) return Error::fault;
    if (found == old) break;
  }
  long woken = wake_in(bucket_of(key), key, count, match_any);
  if (change.holds(old)) woken += wake_in(bucket_of(second_key), second_key, second_count, match_any);
  return woken;
}

// --- robust lists -----------------------------------------------------------------------------------------------------

namespace {

constexpr unsigned longest_list = 2048;  // a program may have made a circle of it

enum class Pending : std::uint8_t { no, yes };

// The thread died holding the lock at `word`, or about to let it go (Pending::yes).
void release_robust(UserThread& thread, std::uintptr_t word, Pending pending) {
  std::uint32_t value;
  if (word % sizeof value != 0 || !arch::load_user_word(word, value)) return;
  if (pending == Pending::yes && value == 0) {
    (void)wake(thread, word, Scope::shared, 1);  // it was free already, but perhaps nobody has been woken yet
    return;
  }
  while ((value & owner_mask) == static_cast<std::uint32_t>(thread.number())) {
    const std::uint32_t old = value;
    if (!arch::compare_exchange_user_word(word, value, (old & has_waiters) | owner_died)) return;
    if (value != old) continue;
    if (old & has_waiters) (void)wake(thread, word, Scope::shared, 1);
    return;
  }
}

}  // namespace

void release_robust_list(UserThread& thread) {
  struct Head {
    std::uintptr_t first;
    std::int64_t word_offset;  // from a list entry to its futex word
    std::uintptr_t pending;    // being taken or released right now
  } head;
  const std::uintptr_t at = std::exchange(thread.robust_list, 0);
  if (!at || arch::copy_from_user(&head, at, sizeof head) != 0) return;
  constexpr std::uintptr_t priority_inheritance = 1;  // in an entry's lowest bit: not supported, no waiters of ours
  const auto word_of = [&](std::uintptr_t entry) {
    return (entry & ~priority_inheritance) + static_cast<std::uintptr_t>(head.word_offset);
  };
  std::uintptr_t entry = head.first;
  for (unsigned count = 0; (entry & ~priority_inheritance) != at && count < longest_list; ++count) {
    std::uintptr_t next;  // read first: once its lock is released, the entry may be freed
    const bool readable = arch::copy_from_user(&next, entry & ~priority_inheritance, sizeof next) == 0;
    if (entry != head.pending) release_robust(thread, word_of(entry), Pending::no);
    if (!readable) break;
    entry = next;
  }
  if (head.pending) release_robust(thread, word_of(head.pending), Pending::yes);
}

}  // namespace cv6::futex
