#include "container/call_log.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cv6 {

CallLog::~CallLog() = default;

Result<CallLog::NewMemory> CallLog::allocate(const Settings& wanted, GuestMemory& payer) {
  if (wanted.capacity > most_capacity || ((wanted.what & records) && wanted.capacity == 0)) return Error::inval;
  NewMemory memory;
  if (wanted.capacity) {
    const std::uint64_t capacity = std::bit_ceil(std::uint64_t{std::max(wanted.capacity, least_capacity)});
    ChargedArray ring = TRY(ChargedArray::create(capacity, sizeof(CallRecord), payer));
    memory.ring.swap(ring);
  }
  if (wanted.what & counts) {
    ChargedArray counters = TRY(ChargedArray::create(CallSet::bits, sizeof(CallCount), payer));
    memory.counters.swap(counters);
  }
  return memory;
}

void CallLog::use_ring(ChargedArray& ring) {
  const std::uint64_t most = std::min<std::uint64_t>(ring.count(), capacity_for_denied);
  const std::uint64_t start = std::max(oldest(), head_ > most ? head_ - most : 0);
  for (std::uint64_t at = start; at < head_ && ring.count(); ++at)
    ring.as<CallRecord>()[at & (ring.count() - 1)] = ring_.as<CallRecord>()[at & mask_];
  ring_start_ = ring.count() ? start : head_;
  ring_.swap(ring);
  mask_ = ring_.count() - 1;
}

void CallLog::apply(const Settings& wanted, NewMemory& memory) {
  if (memory.ring.count() != ring_.count()) use_ring(memory.ring);
  const bool begins = (wanted.what & counts) && !(what() & counts);
  const bool ends = wanted.what == nothing && wanted.capacity == 0;
  if (begins || ends) counters_.swap(memory.counters);
  what_.store(wanted.what, std::memory_order_relaxed);
}

CallLog::Settings CallLog::settings() {
  SpinGuard guard(lock_);
  return {what(), static_cast<std::uint32_t>(ring_.count())};
}

void CallLog::ensure_ring(GuestMemory& payer) {
  {
    SpinGuard guard(lock_);
    if (ring_.count()) return;
  }
  auto ring = ChargedArray::create(capacity_for_denied, sizeof(CallRecord), payer);
  if (!ring) return;
  SpinGuard guard(lock_);
  if (!ring_.count()) use_ring(*ring);
}

void CallLog::wake_reader() {
  reader_waits_ = false;
  readers_.wake_all();
}

void CallLog::note(unsigned bit, const CallRecord& record, Ending ending) {
  SpinGuard guard(lock_);
  if (what() & counts) {
    CallCount& count = counters_.as<CallCount>()[bit];
    ++count.calls;
    count.failures += ending == Ending::failure;
    count.cycles += record.duration;
  }
  if (what() & records) {
    next_record() = record;
    if (reader_waits_) wake_reader();
  }
}

void CallLog::note_denied(unsigned bit, const CallRecord& record, GuestMemory& payer) {
  ensure_ring(payer);
  {
    SpinGuard guard(lock_);
    if (what() & counts) {
      CallCount& count = counters_.as<CallCount>()[bit];
      ++count.calls;
      ++count.failures;
    }
    if (ring_.count())
      next_record() = record;
    else
      ring_start_ = ++head_;
  }
  readers_.wake_all();
}

std::uint64_t CallLog::oldest() const {
  const std::uint64_t capacity = ring_.count();
  return head_ - ring_start_ > capacity ? head_ - capacity : ring_start_;
}

bool CallLog::read(std::uint64_t& next, CallRecord& record, std::uint64_t& lost) {
  SpinGuard guard(lock_);
  const std::uint64_t first = oldest();
  if (next < first) {
    lost += first - next;
    next = first;
  }
  if (next >= head_) return false;
  record = ring_.as<CallRecord>()[next++ & mask_];
  return true;
}

bool CallLog::has_record(std::uint64_t next) {
  SpinGuard guard(lock_);
  if (next < head_) return true;
  reader_waits_ = true;
  return false;
}

CallLog::Extent CallLog::extent() {
  SpinGuard guard(lock_);
  return {head_, oldest(), (ring_.pages() + counters_.pages()) * page_size};
}

bool CallLog::copy_counts(unsigned first, std::span<CallCount> to) {
  SpinGuard guard(lock_);
  const CallCount* all = counters_.as<CallCount>();
  if (!all) return false;
  std::memcpy(to.data(), all + first, to.size_bytes());
  return true;
}

}  // namespace cv6
