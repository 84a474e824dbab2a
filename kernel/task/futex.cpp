#include "task/futex.hpp"

#include "arch/user_memory.hpp"
#include "lib/hash_table.hpp"
#include "task/process.hpp"

namespace cv6::futex {

namespace {

using Key = AddressSpace::FutexKey;

struct Bucket;

// A thread that sleeps, on its stack. `bucket` is where it is queued now; null: it has been woken.
struct Sleeper {
  Event event;
  Key key;
  std::uint32_t bitset;
  std::atomic<Bucket*> bucket{nullptr};
  ListNode node;
};

struct alignas(64) Bucket {
  SpinLock lock{Rank::futex};
  List<Sleeper, &Sleeper::node> sleepers;

  void add(Sleeper& sleeper) REQUIRES(lock) {
    sleepers.push_back(sleeper);
    sleeper.bucket.store(this, std::memory_order_release);
  }
  // The event is raised under the lock: the sleeper's memory goes as soon as it finds itself woken and has had the lock.
  void wake(Sleeper& sleeper) REQUIRES(lock) {
    sleepers.remove(sleeper);
    sleeper.event.raise();
    sleeper.bucket.store(nullptr, std::memory_order_release);
  }
};

constexpr unsigned bucket_bits = 8;
constinit Bucket buckets[1u << bucket_bits];
constinit Bucket in_transit;

Bucket& bucket_of(const Key& key) {
  return buckets[mix(reinterpret_cast<std::uintptr_t>(key.space) ^ key.object << 32 ^ key.offset) >> (64 - bucket_bits)];
}

Result<Key> key_of(UserThread& thread, std::uintptr_t word, Scope scope) {
  if (word % sizeof(std::uint32_t) != 0) return Error::inval;
  if (!arch::is_user_range(word, sizeof(std::uint32_t))) return Error::fault;
  AddressSpace& space = thread.process().address_space();
  if (scope == Scope::private_) return Key::of_private(space, word);
  return space.futex_key(word);
}

// Out of whatever bucket it is in. False: it had been woken.
bool withdraw(Sleeper& sleeper) {
  while (true) {
    Bucket* bucket = sleeper.bucket.load(std::memory_order_acquire);
    if (!bucket) return false;
    if (bucket == &in_transit) {
      arch::relax();
      continue;
    }
    SpinGuard guard(bucket->lock);
    if (sleeper.bucket.load(std::memory_order_relaxed) != bucket) continue;  // moved, or woken
    bucket->sleepers.remove(sleeper);
    return true;
  }
}

int wake_key(const Key& key, int count, std::uint32_t bitset) {
  Bucket& bucket = bucket_of(key);
  int woken = 0;
  SpinGuard guard(bucket.lock);
  for (Sleeper& sleeper : bucket.sleepers) {
    if (woken >= count) break;
    if (!(sleeper.key == key) || !(sleeper.bitset & bitset)) continue;
    bucket.wake(sleeper);
    ++woken;
  }
  return woken;
}

// Between a waker's change of the word and its look at the bucket; and between a sleeper's entry and its look at the word.
void order() { std::atomic_thread_fence(std::memory_order_seq_cst); }

}  // namespace

Result<void> wait(UserThread& thread, std::uintptr_t word, Scope scope, std::uint32_t expected, Nanoseconds deadline,
                  std::uint32_t bitset) {
  if (bitset == 0) return Error::inval;
  Sleeper sleeper;
  sleeper.key = TRY(key_of(thread, word, scope));
  sleeper.bitset = bitset;
  std::uint32_t value;
  if (!arch::load_user_word(word, value)) return Error::fault;
  if (value != expected) return Error::again;

  Bucket& bucket = bucket_of(sleeper.key);
  {
    SpinGuard guard(bucket.lock);
    bucket.add(sleeper);
  }
  order();
  const bool readable = arch::load_user_word(word, value);
  if (!readable || value != expected) {
    // Woken meanwhile: that was meant for one that sleeps.
    if (!withdraw(sleeper)) wake_key(sleeper.key, 1, bitset);
    return readable ? Error::again : Error::fault;
  }
  while (sleeper.bucket.load(std::memory_order_acquire)) {
    const Result<void> slept = sleep_until_raised(sleeper.event, Wait::interruptible, deadline);
    if (slept) continue;
    if (!withdraw(sleeper)) break;
    if (slept.error() == Error::timedout) return Error::timedout;
    return deadline == never ? Error::restart_if_asked : Error::restart_timed;
  }
  return {};
}

Result<long> wake(UserThread& thread, std::uintptr_t word, Scope scope, int count, std::uint32_t bitset) {
  if (bitset == 0) return Error::inval;
  const Key key = TRY(key_of(thread, word, scope));
  order();
  return wake_key(key, count, bitset);
}

namespace {

struct Counts {
  int woken = 0, moved = 0;
};

// In two steps, because two buckets' locks are never held together: a sleeper that is on its way from one to the other
// has the bucket `in_transit`, for a moment that withdraw() waits out.
Counts wake_and_move(const Key& key, const Key& target, int wake_count, int move_count) {
  Counts counts;
  List<Sleeper, &Sleeper::node> moving;
  {
    Bucket& from = bucket_of(key);
    SpinGuard guard(from.lock);
    for (Sleeper& sleeper : from.sleepers) {
      if (!(sleeper.key == key)) continue;
      if (counts.woken < wake_count) {
        from.wake(sleeper);
        ++counts.woken;
      } else if (counts.moved < move_count) {
        from.sleepers.remove(sleeper);
        sleeper.key = target;
        sleeper.bucket.store(&in_transit, std::memory_order_release);
        moving.push_back(sleeper);
        ++counts.moved;
      } else {
        break;
      }
    }
  }
  Bucket& to = bucket_of(target);
  SpinGuard guard(to.lock);
  while (Sleeper* sleeper = moving.pop_front()) to.add(*sleeper);
  return counts;
}

}  // namespace

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
  order();
  const Counts counts = wake_and_move(from, to, wake_count, move_count);
  return counts.woken + counts.moved;
}

// --- FUTEX_WAKE_OP ----------------------------------------------------------------------------------------------------

namespace {

// Sign-extends the 12 bits of an argument.
std::int32_t argument_of(std::uint32_t bits) { return static_cast<std::int32_t>(bits << 20) >> 20; }

Result<std::uint32_t> changed(std::uint32_t operation, std::uint32_t value) {
  auto argument = static_cast<std::uint32_t>(argument_of(operation >> 12 & 0xfff));
  if (operation >> 28 & 8) argument = 1u << (argument & 31);
  switch (operation >> 28 & 7) {
    case 0: return argument;
    case 1: return value + argument;
    case 2: return value | argument;
    case 3: return value & ~argument;
    case 4: return value ^ argument;
    default: return Error::nosys;
  }
}

Result<bool> compares(std::uint32_t operation, std::uint32_t value) {
  const std::int32_t argument = argument_of(operation & 0xfff);
  const auto old = static_cast<std::int32_t>(value);
  switch (operation >> 24 & 0xf) {
    case 0: return old == argument;
    case 1: return old != argument;
    case 2: return old < argument;
    case 3: return old <= argument;
    case 4: return old > argument;
    case 5: return old >= argument;
    default: return Error::nosys;
  }
}

}  // namespace

Result<long> wake_and_change(UserThread& thread, std::uintptr_t word, std::uintptr_t second, Scope scope, int count,
                             int second_count, std::uint32_t operation) {
  const Key key = TRY(key_of(thread, word, scope));
  const Key second_key = TRY(key_of(thread, second, scope));
  std::uint32_t value;
  if (!arch::load_user_word(second, value)) return Error::fault;
  while (true) {
    const std::uint32_t before = value;
    if (!arch::compare_exchange_user_word(second, value, TRY(changed(operation, value)))) return Error::fault;
    if (value == before) break;
  }
  const bool wake_second = TRY(compares(operation, value));
  order();
  int woken = wake_key(key, count, match_any);
  if (wake_second) woken += wake_key(second_key, second_count, match_any);
  return woken;
}

// --- robust lists -----------------------------------------------------------------------------------------------------

namespace {

constexpr std::uint32_t owner_died = 0x40000000, waiters = 0x80000000, owner_mask = 0x3fffffff;
constexpr unsigned longest_list = 2048;

bool load_pointer(std::uintptr_t at, std::uintptr_t& value) {
  return arch::copy_from_user(&value, at, sizeof value) == 0;
}

// The word of a lock on the list, if the thread still owns it.
void release_word(UserThread& thread, std::uintptr_t word, bool pending) {
  if (word % sizeof(std::uint32_t) != 0) return;
  std::uint32_t value;
  if (!arch::load_user_word(word, value)) return;
  if (pending && value == 0) {  // unlocked already, but perhaps nobody was woken
    (void)wake(thread, word, Scope::shared, 1);
    return;
  }
  while ((value & owner_mask) == static_cast<std::uint32_t>(thread.number())) {
    const std::uint32_t before = value;
    if (!arch::compare_exchange_user_word(word, value, (value & waiters) | owner_died)) return;
    if (value != before) continue;
    if (before & waiters) {
      (void)wake(thread, word, Scope::shared, 1);
      (void)wake(thread, word, Scope::private_, 1);
    }
    return;
  }
}

}  // namespace

void release_robust_list(UserThread& thread) {
  const std::uintptr_t head = thread.robust_list;
  std::uintptr_t entry, offset, pending;
  if (!load_pointer(head, entry) || !load_pointer(head + 8, offset) || !load_pointer(head + 16, pending)) return;
  constexpr std::uintptr_t inherit = 1;  // marks priority-inheritance locks, which do not exist here
  for (unsigned i = 0; (entry & ~inherit) != head && i < longest_list; ++i) {
    std::uintptr_t next;
    const bool more = load_pointer(entry & ~inherit, next);  // before the lock's memory may go
    if (entry != pending && !(entry & inherit)) release_word(thread, (entry & ~inherit) + offset, false);
    if (!more) break;
    entry = next;
  }
  if (pending & ~inherit) release_word(thread, (pending & ~inherit) + offset, true);
}

}  // namespace cv6::futex
