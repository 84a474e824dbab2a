// The log of the system calls that a container's processes make: a counter for each call, and a ring of records.
//
//   counts    each call is counted: how often, failures, time
//   records   each call is recorded when it ends, or when it begins if it does not come back
//   texts     records have the strings that arguments point to, as they were when the call began
//   nothing   only denied calls are recorded (their ring comes with the first of them)
//
// The ring keeps the newest records and counts those that it has lost. Records are numbered from 0; a reader remembers the
// number of the next one that it wants, so any number of readers follow at their own pace. Its memory is charged to the
// container. Times are readings of the processor's counter, which cost one instruction each.
//
// One spin lock covers everything; a record is written in a few dozen instructions. Readers wait in a queue of their own.
#pragma once

#include <span>
#include <utility>

#include "arch/context.hpp"
#include "container/call_set.hpp"
#include "container/charged_array.hpp"
#include "lib/result.hpp"
#include "sched/wait_queue.hpp"

namespace cv6 {

struct CallRecord {
  // How it went. `begun`: it does not come back. `interrupted`: by a signal, which decides about the result. `answered`: it
  // did not run, its supervisor gave the result.
  enum class Outcome : std::uint8_t { returned, interrupted, begun, denied, killed, answered };
  static constexpr std::size_t text_capacity = 256 - 24 - sizeof(arch::CallRegisters);

  arch::CallRegisters registers;
  std::uint64_t started;   // cycles
  std::uint64_t duration;  // cycles
  std::int32_t thread;     // its number as the container sees it; a process's first thread has the process's
  struct What {
    Outcome outcome = Outcome::returned;
    CallAbi abi = CallAbi::linux;
    std::uint16_t text_size = 0;  // of what the arguments point to: see abi/call_texts.hpp
  } what;
  char text[text_capacity];
};
static_assert(sizeof(CallRecord) == 256);

struct CallCount {
  std::uint64_t calls, failures, cycles;
};

class CallLog {
 public:
  using What = std::uint32_t;
  static constexpr What nothing = 0, counts = 1, records = 2, texts = 4;
  struct Settings {
    What what = nothing;
    std::uint32_t capacity = 0;  // of the ring, in records: 0 none, else rounded up to a power of two
  };
  static constexpr std::uint32_t least_capacity = 16, most_capacity = 65536, capacity_for_denied = 32;

  CallLog() = default;
  ~CallLog();

  // Error::inval: records without a ring, or one that is too large; Error::nomem. A ring of another capacity takes over
  // only the newest few records; counters begin at 0 when counting begins; nothing without a ring drops both.
  // `applied` runs with the lock held.
  template <class Applied>
  Result<void> configure(const Settings& wanted, GuestMemory& payer, Applied applied) {
    NewMemory memory = TRY(allocate(wanted, payer));
    {
      SpinGuard guard(lock_);
      apply(wanted, memory);
      applied();
    }
    readers_.wake_all();
    return {};
  }
  Settings settings();

  What what() const { return what_.load(std::memory_order_relaxed); }

  // A call that has ended, when nothing but records is wanted: it is written in the ring itself. Short, because it is what
  // each call of a container costs that somebody watches.
  void record(std::uint64_t started, CallAbi abi, const arch::UserRegisters& registers, int thread) {
    SpinGuard guard(lock_);
    if (!ring_.as<CallRecord>()) [[unlikely]] return;  // it was dropped while the call ran
    CallRecord& record = next_record();
    record.started = started;
    record.duration = __builtin_readcyclecounter() - started;
    record.thread = thread;
    record.what = {.abi = abi};
    arch::CallRegisters::copy(record.registers, registers);
    if (reader_waits_) [[unlikely]] wake_reader();
  }
  // Any call, as the settings say.
  enum class Ending : std::uint8_t { success, failure };
  void note(unsigned bit, const CallRecord& record, Ending ending);
  // A denied call: always recorded, and counted as a failure. Where there is no memory for a ring it is lost.
  void note_denied(unsigned bit, const CallRecord& record, GuestMemory& payer);

  // Copies record number `next`, or the oldest one there is if that is lost already; `next` moves behind it, `lost` grows by
  // those that were passed over. False: there is none yet.
  bool read(std::uint64_t& next, CallRecord& record, std::uint64_t& lost);
  bool has_record(std::uint64_t next);
  // Waits until there is record `next`, or `ended()`: look again after wake_readers().
  template <class Ended>
  Result<void> wait_for(std::uint64_t next, Ended ended) {
    return readers_.wait([&] { return has_record(next) || ended(); });
  }
  void wake_readers() { readers_.wake_all(); }
  // The container's last process has gone. How often that has happened.
  void note_emptied() {
    emptied_.fetch_add(1, std::memory_order_release);
    wake_readers();
  }
  std::uint64_t times_emptied() const { return emptied_.load(std::memory_order_acquire); }
  WaitQueue& readers() { return readers_; }

  struct Extent {
    std::uint64_t recorded = 0;  // ever: the number of the next record
    std::uint64_t lost = 0;      // of these: overwritten, dropped with their ring, or never written
    std::uint64_t memory = 0;    // bytes that are charged
  };
  Extent extent();
  // Copies the counters of `to.size()` calls from `first` on. False: nothing is counted.
  bool copy_counts(unsigned first, std::span<CallCount> to);

 private:
  struct NewMemory {
    ChargedArray ring, counters;
  };
  // With the lock held: whoever waits may be anybody, and the queue has a lock of its own.
  [[gnu::noinline, clang::preserve_most]] void wake_reader() REQUIRES(lock_);
  static Result<NewMemory> allocate(const Settings& wanted, GuestMemory& payer);
  // What is not needed any more is in `memory` afterwards, to be dropped without the lock.
  void apply(const Settings& wanted, NewMemory& memory) REQUIRES(lock_);
  void use_ring(ChargedArray& ring) REQUIRES(lock_);
  void ensure_ring(GuestMemory& payer);
  CallRecord& next_record() REQUIRES(lock_) { return ring_.as<CallRecord>()[head_++ & mask_]; }
  std::uint64_t oldest() const REQUIRES(lock_);

  SpinLock lock_{Rank::call_log};
  std::atomic<What> what_{nothing};  // changed with the lock held; with records there is a ring, with counts counters
  bool reader_waits_ GUARDED_BY(lock_) = false;
  ChargedArray ring_ GUARDED_BY(lock_), counters_ GUARDED_BY(lock_);
  std::uint64_t mask_ GUARDED_BY(lock_) = 0;      // of the ring
  std::uint64_t head_ GUARDED_BY(lock_) = 0;      // the next record's number
  std::uint64_t ring_start_ GUARDED_BY(lock_) = 0;  // no record before this one is in the ring
  std::atomic<std::uint64_t> emptied_{0};
  WaitQueue readers_;
};

}  // namespace cv6
