// Futexes: threads that sleep on a word of user memory, futex(2).
//
// Waiters are kept in a hash table by key (the page's object and offset for shared words, address space and address for
// private ones), each bucket with a lock. No wake-up is lost: a waiter is in its bucket before it looks at the word, and
// a waker has changed the word before it looks into the bucket.
//
// Priority inheritance is not there: the calls for it are Error::nosys.
#pragma once

#include "task/user_thread.hpp"

namespace cv6::futex {

enum class Scope : std::uint8_t { shared, private_ };
inline constexpr std::uint32_t match_any = ~0u;

// Sleeps while the word is `expected`. Deadline: monotonic clock. Error::again (another value), timedout, inval
// (unaligned, bitset 0), fault; interrupted: restart_if_asked without a deadline, restart_timed with one (the ABI sets
// thread.timed_restart).
Result<void> wait(UserThread& thread, std::uintptr_t word, Scope scope, std::uint32_t expected, Nanoseconds deadline = never,
                  std::uint32_t bitset = match_any);
// Wakes up to `count` waiters with a bit in common; returns how many.
Result<long> wake(UserThread& thread, std::uintptr_t word, Scope scope, int count, std::uint32_t bitset = match_any);
// Wakes up to `wake_count`, moves up to `move_count` others to `target`. With `expected`, only if the word is that:
// Error::again. Returns how many were woken or moved.
Result<long> requeue(UserThread& thread, std::uintptr_t word, std::uintptr_t target, Scope scope, int wake_count,
                     int move_count, const std::uint32_t* expected);
// FUTEX_WAKE_OP: changes `second` as `operation` (encoded as in futex(2)) says, wakes at `word`, and at `second` if the
// comparison with its old value holds. Error::nosys: unknown operation.
Result<long> wake_and_change(UserThread& thread, std::uintptr_t word, std::uintptr_t second, Scope scope, int count,
                             int second_count, std::uint32_t operation);

// At a thread's end: words on its robust list get FUTEX_OWNER_DIED, and one waiter each is woken. (get_robust_list(2))
void release_robust_list(UserThread& thread);

}  // namespace cv6::futex
