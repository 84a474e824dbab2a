// mprotect(2), madvise(2).
#include "arch/user_memory.hpp"
#include "sched/scheduler.hpp"
#include "vm/address_space.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

namespace {

// Rounds a program's range to pages. Error::inval: `start` is not at a page; Error::nomem: not a user's range.
struct PageRange {
  std::uintptr_t start;
  std::uintptr_t end;
};
Result<PageRange> page_range(std::uintptr_t start, std::uint64_t length) {
  if (start & (page_size - 1)) return Error::inval;
  if (!arch::is_user_range(start, length)) return Error::nomem;
  return PageRange{start, start + page_ceiling(length)};
}

// May be written to right away: a private copy that nobody else uses. All else waits for the fault at the first write.
bool exclusive(const Mapping& mapping, arch::PageEntry entry) {
  const Frame& frame = *Frame::of(entry.address());
  return mapping.is_private() && frame.use == FrameUse::user_page && !frame.shared();
}

}  // namespace

// The entries of a mapping whose protection has changed.
void AddressSpace::protect_pages(const Mapping& mapping) {
  const Protection protection = mapping.protection;
  FlushBatch batch(table_);
  unsigned tables = 0;
  table_.for_each_table(
      mapping.start, mapping.end, [&](arch::PageEntry* entry, std::uintptr_t address, unsigned count) {
        if (++tables % tables_of_step == 0) {
          batch.flush();
          sched::maybe_yield();
        }
        SpinGuard guard(table_.lock);
        for (; count > 0; --count, ++entry, address += page_size) {
          if (!entry->occupied()) continue;
          const bool write = protection.write && (entry->writable() || exclusive(mapping, *entry));
          const auto rights = entry->shown().with_rights({.user = true, .write = write, .execute = protection.execute});
          table_.set_rights(entry, address, protection.none() ? rights.read_only().hidden() : rights, batch);
        }
      });
}

Result<void> AddressSpace::check_protect(std::uintptr_t start, std::uintptr_t end, Protection protection) const {
  if (!covered(start, end)) return Error::nomem;
  std::uint64_t new_data = 0;
  for (const Mapping* at = mappings_.first_from(start); at && at->start < end; at = mappings_.next(*at)) {
    if (!protection.within(at->allowed)) return Error::acces;
    if (at->is_private() && !at->grows_down && protection.write && !is_data(*at))
      new_data += (at->end < end ? at->end : end) - (at->start > start ? at->start : start);
  }
  return new_data ? check_data_limit(new_data) : Result<void>();
}

Result<void> AddressSpace::protect(std::uintptr_t start, std::uint64_t length, Protection protection) {
  const auto [from, to] = TRY(page_range(start, length));
  if (from == to) return {};
  Graveyard gone;
  WriteGuard guard(lock_);
  TRY(check_protect(from, to, protection));
  TRY(isolate(from, to));
  for (Mapping* at = mappings_.first_from(from); at && at->start < to; at = mappings_.next(*at)) {
    if (at->protection == protection) continue;
    account(*at, -1);
    at->protection = protection;
    account(*at, 1);
    protect_pages(*at);
    sched::maybe_yield();
  }
  merge(from, to, gone);
  return {};
}

// Forgets pages: private ones are zero, or the object's, at the next access. Error::nomem if some of the range is not
// mapped; the rest is done all the same (madvise(2)).
Result<void> AddressSpace::drop_pages(std::uintptr_t start, std::uintptr_t end, Advice advice) {
  WriteGuard guard(lock_);
  if (advice == Advice::free)
    for (const Mapping* at = mappings_.first_from(start); at && at->start < end; at = mappings_.next(*at))
      if (!at->anonymous() || !at->is_private()) return Error::inval;
  for (const Mapping* at = mappings_.first_from(start); at && at->start < end; at = mappings_.next(*at))
    clear_pages(at->start > start ? at->start : start, at->end < end ? at->end : end, Mapping::Pages::all);
  return covered(start, end) ? Result<void>() : Error::nomem;
}

Result<void> AddressSpace::mark_for_fork(std::uintptr_t start, std::uintptr_t end, Advice advice) {
  Graveyard gone;
  WriteGuard guard(lock_);
  if (!covered(start, end)) return Error::nomem;
  if (advice == Advice::wipe_on_fork)
    for (const Mapping* at = mappings_.first_from(start); at && at->start < end; at = mappings_.next(*at))
      if (!at->anonymous() || !at->is_private()) return Error::inval;
  TRY(isolate(start, end));
  for (Mapping* at = mappings_.first_from(start); at && at->start < end; at = mappings_.next(*at)) {
    if (advice == Advice::dont_fork || advice == Advice::do_fork) at->copied_by_fork = advice == Advice::do_fork;
    if (advice == Advice::wipe_on_fork || advice == Advice::keep_on_fork)
      at->wiped_by_fork = advice == Advice::wipe_on_fork;
  }
  merge(start, end, gone);
  return {};
}

Result<void> AddressSpace::advise(std::uintptr_t start, std::uint64_t length, Advice advice) {
  const auto range = page_range(start, length);
  if (!range) return Error::inval;
  const auto [from, to] = *range;
  if (from == to) return {};
  switch (advice) {
    case Advice::nothing:
      return check_mapped(from, to - from);
    case Advice::dont_need:
    case Advice::free:
      return drop_pages(from, to, advice);
    case Advice::dont_fork:
    case Advice::do_fork:
    case Advice::wipe_on_fork:
    case Advice::keep_on_fork:
      return mark_for_fork(from, to, advice);
    case Advice::populate_read:
      return populate(from, to, arch::Fault::Access::read);
    case Advice::populate_write:
      return populate(from, to, arch::Fault::Access::write);
  }
  return Error::inval;
}

Result<void> AddressSpace::check_mapped(std::uintptr_t start, std::uint64_t length) {
  const auto [from, to] = TRY(page_range(start, length));
  ReadGuard guard(lock_);
  return covered(from, to) ? Result<void>() : Error::nomem;
}

}  // namespace cv6
