// mmap(2), munmap(2), brk(2).
#include <algorithm>

#include "arch/user_memory.hpp"
#include "sched/pace.hpp"
#include "vm/address_space.hpp"
#include "vm/anonymous_object.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

namespace {

using Place = MapRequest::Place;

constexpr std::uintptr_t lowest_chosen = 0x10000;  // below, null pointers with an offset should hit nothing

// What a single request may ask for beyond reason: more than all of the machine.
bool beyond_reason(const MapRequest& request, std::uint64_t length) {
  const bool promised = request.reserve && !request.object && (request.protection.write || request.sharing == Mapping::Sharing::shared);
  return promised && length >> page_shift > frames::counts().total;
}

}  // namespace

// From the top down, below the room that the stack may need (at least 128 MiB, at most 5/6 of everything); failing
// that, anywhere.
std::uintptr_t AddressSpace::find_free(std::uint64_t length) const {
  constexpr std::uint64_t least = 128_MiB, most = arch::user_end / 6 * 5;
  const std::uint64_t stack = limits_.stack < most ? limits_.stack + Mapping::guard_gap : most;
  const std::uintptr_t top = page_floor(arch::user_end - (stack < least ? least : stack));
  const std::uintptr_t found = mappings_.find_free(length, lowest_chosen, top);
  return found ? found : mappings_.find_free(length, lowest_chosen, arch::user_end);
}

Result<std::uintptr_t> AddressSpace::place(const MapRequest& request, std::uint64_t length) const {
  if (request.place == Place::fixed || request.place == Place::fixed_no_replace) {
    if (request.address & (page_size - 1)) return Error::inval;
    if (!arch::is_user_range(request.address, length)) return Error::nomem;
    if (request.address < request.lowest) return Error::perm;
    if (request.place == Place::fixed_no_replace && !mappings_.is_free(request.address, request.address + length))
      return Error::exist;
    return request.address;
  }
  const std::uintptr_t hint = page_ceiling(request.address);
  if (request.place == Place::hint && hint >= lowest_chosen && arch::is_user_range(hint, length) &&
      mappings_.is_free_for_new(hint, hint + length))
    return hint;
  const std::uintptr_t found = find_free(length);
  if (!found) return Error::nomem;
  return found;
}

std::uint64_t AddressSpace::mapped_within(std::uintptr_t start, std::uintptr_t end) const {
  std::uint64_t bytes = 0;
  for (const Mapping* at = mappings_.first_from(start); at && at->start < end; at = mappings_.next(*at))
    bytes += (at->end < end ? at->end : end) - (at->start > start ? at->start : start);
  return bytes;
}

Result<std::uintptr_t> AddressSpace::map_locked(const MapRequest& request, std::uint64_t length, Graveyard& gone) {
  const std::uintptr_t start = TRY(place(request, length));
  const std::uintptr_t end = start + length;
  const bool is_private = request.sharing == Mapping::Sharing::private_;
  TRY(check_limits(length, mapped_within(start, end)));
  if (is_private && request.protection.write && !request.grows_down) TRY(check_data_limit(length));
  Spare spare = TRY(this->spare());
  Mapping& mapping = *spare;
  mapping.start = start;
  mapping.end = end;
  mapping.offset = request.offset;
  mapping.object = request.object;
  if (!is_private && !request.object) mapping.object = TRY(AnonymousObject::create(memory_, length >> page_shift));
  mapping.found_at = request.found_at;
  mapping.name = request.name;
  mapping.protection = request.protection;
  mapping.allowed = request.allowed;
  mapping.sharing = request.sharing;
  mapping.grows_down = request.grows_down;
  TRY(isolate(start, end));
  unmap_isolated(start, end, gone);
  insert(std::move(spare));
  merge(start, start, gone);
  return start;
}

Result<std::uintptr_t> AddressSpace::map(const MapRequest& request) {
  if (request.length == 0 || request.offset & (page_size - 1)) return Error::inval;
  if (request.length > arch::user_end) return Error::nomem;
  const std::uint64_t length = page_ceiling(request.length);
  if (request.object && request.offset > INT64_MAX - length) return Error::overflow;
  if (!request.protection.within(request.allowed)) return Error::acces;
  if (request.grows_down && (request.object || request.sharing != Mapping::Sharing::private_)) return Error::inval;
  if (beyond_reason(request, length)) return Error::nomem;
  std::uintptr_t start;
  {
    Graveyard gone;
    WriteGuard guard(lock_);
    start = TRY(map_locked(request, length, gone));
  }
  // As far as it goes: what is missing comes at the first access, or fails there.
  if (request.populate)
    (void)populate(start, start + length,
                   request.protection.write ? arch::Fault::Access::write : arch::Fault::Access::read);
  return start;
}

void AddressSpace::clear_pages(std::uintptr_t start, std::uintptr_t end, Mapping::Pages pages) {
  while (start < end) {
    const std::uintptr_t stop = end - start < step ? end : start + step;
    {
      FlushBatch batch(table_);
      SpinGuard guard(table_.lock);
      table_.clear_range(start, stop, pages, batch);
    }
    start = stop;
    sched::maybe_yield();
  }
}

void AddressSpace::remove_isolated(std::uintptr_t start, std::uintptr_t end, Graveyard& gone) {
  for (Mapping* mapping = mappings_.first_from(start); mapping && mapping->start < end;) {
    Mapping* next = mappings_.next(*mapping);
    clear_pages(mapping->start, mapping->end, Mapping::Pages::all);
    erase(*mapping, gone);
    mapping = next;
  }
}

void AddressSpace::free_tables(std::uintptr_t start, std::uintptr_t end) {
  const Mapping* next = mappings_.first_from(start);
  if (next && next->start < end) return;
  const Mapping* before = next ? mappings_.previous(*next) : mappings_.last();
  const PageTable::Span unused{before ? before->end : 0, next ? next->start : arch::user_end};
  for (;;) {
    const std::uintptr_t stop = std::min(end, (start | (span_of_tables - 1)) + 1);
    {
      FlushBatch batch(table_);
      SpinGuard guard(table_.lock);
      // A table that serves what comes behind `stop` too goes with the last part of that.
      table_.free_tables({start, stop}, {unused.start, stop == end ? unused.end : stop}, batch);
    }
    if (stop == end) return;
    start = stop;
    sched::maybe_yield();
  }
}

void AddressSpace::free_tables_between_mappings(std::uintptr_t start, std::uintptr_t end) {
  for (sched::Pace pace; start < end; pace.step()) {
    const Mapping* next = mappings_.first_from(start);
    const std::uintptr_t stop = next ? std::min(next->start, end) : end;
    if (start < stop) free_tables(start, stop);
    start = next ? next->end : end;
  }
}

void AddressSpace::unmap_isolated(std::uintptr_t start, std::uintptr_t end, Graveyard& gone) {
  if (mappings_.is_free(start, end)) return;
  remove_isolated(start, end, gone);
  free_tables(start, end);
}

Result<void> AddressSpace::unmap(std::uintptr_t start, std::uint64_t length) {
  if (start & (page_size - 1) || length == 0 || !arch::is_user_range(start, length)) return Error::inval;
  const std::uintptr_t end = start + page_ceiling(length);
  Graveyard gone;
  WriteGuard guard(lock_);
  TRY(isolate(start, end));
  unmap_isolated(start, end, gone);
  return {};
}

void AddressSpace::set_heap_start(std::uintptr_t start, Protection protection) {
  WriteGuard guard(lock_);
  heap_start_ = heap_end_ = start;
  heap_protection_ = protection;
}

Result<void> AddressSpace::grow_heap(std::uintptr_t from, std::uintptr_t to, Graveyard& gone) {
  if (!arch::is_user_range(from, to - from) || !mappings_.is_free_for_new(from, to)) return Error::nomem;
  const MapRequest request{
      .address = from, .place = Place::fixed_no_replace, .protection = heap_protection_, .name = "[heap]"};
  if (beyond_reason(request, to - from)) return Error::nomem;
  TRY(map_locked(request, to - from, gone));
  return {};
}

std::uintptr_t AddressSpace::brk(std::uintptr_t end) {
  Graveyard gone;
  WriteGuard guard(lock_);
  if (end < heap_start_ || end >= arch::user_end) return heap_end_;
  const std::uintptr_t before = page_ceiling(heap_end_);
  const std::uintptr_t after = page_ceiling(end);
  if (after > before && !grow_heap(before, after, gone)) return heap_end_;
  if (after < before) {
    if (!isolate(after, before)) return heap_end_;
    unmap_isolated(after, before, gone);
  }
  return heap_end_ = end;
}

Result<void> AddressSpace::populate(std::uintptr_t start, std::uintptr_t end, arch::Fault::Access access) {
  constexpr unsigned faults_between_yields = 64;
  for (sched::Pace pace(faults_between_yields); start < end; start += page_size, pace.step()) {
    switch (fault(start, access)) {
      case FaultOutcome::resolved:
        break;
      case FaultOutcome::no_mapping:
      case FaultOutcome::no_memory:
      case FaultOutcome::no_space:
        return Error::nomem;
      case FaultOutcome::not_allowed:
        return Error::inval;
      case FaultOutcome::past_end:
        return Error::fault;
    }
  }
  return {};
}

}  // namespace cv6
