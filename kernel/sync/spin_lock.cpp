#include "sync/spin_lock.hpp"

#ifdef CV6_DEBUG
#include "lib/format.hpp"
#include "sync/jitter.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

namespace {

struct HeldLocks {
  struct Entry {
    const void* lock;
    Rank rank;
  } entries[16];
  unsigned count = 0;
};
constinit PerCpu<HeldLocks> held_locks;

}  // namespace

void check_lock_order_and_note(const void* lock, Rank rank) {
  jitter::stand_still();
  HeldLocks& held = held_locks.here();
  if (held.count) {
    const Rank last = held.entries[held.count - 1].rank;
    char text[96];
    const bool several = rank == Rank::page_tables || rank == Rank::epoll_pollers;  // in an order of their own
    if (last > rank || (last == rank && !several))
      panic(format_to(text, "lock order: rank {} taken while holding rank {}", rank, last));
  }
  CV6_ASSERT(held.count < 16);
  held.entries[held.count++] = {lock, rank};
}

void forget_lock(const void* lock) {
  HeldLocks& held = held_locks.here();
  for (unsigned i = held.count; i-- > 0;)
    if (held.entries[i].lock == lock) {
      for (; i + 1 < held.count; ++i) held.entries[i] = held.entries[i + 1];
      --held.count;
      return;
    }
  panic("a spin lock was released that this processor does not hold");
}

void assert_no_spin_lock_held() {
  if (held_locks.here().count) panic("may block while a spin lock is held");
}

}  // namespace cv6
#endif
