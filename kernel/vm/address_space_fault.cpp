// Page faults: look, decide (fault_decision.hpp), act.
//
// An attempt looks at the entry without the page table's lock, prepares a page, and puts it in place with the lock if
// entry and object are still what they were; else nothing is done and the access simply faults again. An object's page
// that is not at hand is fetched with no lock held, and the next attempt uses it if it is still the right one.
#include <cstring>
#include <optional>

#include "arch/user_memory.hpp"
#include "sched/scheduler.hpp"
#include "vm/address_space.hpp"
#include "vm/fault_decision.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

using arch::PageEntry;
using Access = arch::Fault::Access;
using Intent = MemoryObject::Intent;

// What an attempt found.
struct AddressSpace::Found {
  Mapping& mapping;
  std::uintptr_t page;    // the address, rounded down
  std::uint32_t changes;  // of the mapping, before anything else was looked at
  PageEntry* entry;       // null: its table does not exist
  PageEntry seen;

  Frame& frame() const { return *Frame::of(seen.address()); }
};

// A page to be got from an object, and the page once it is there.
struct AddressSpace::Fetch {
  Ref<MemoryObject> object;
  FrameRef page;
  // Known once ask() was called:
  std::uint64_t index;
  std::uint64_t stamp;    // of the mapping that wants it
  std::uint32_t changes;  // of that mapping, when it was asked for
  Intent intent;

  void ask(const Found& found, Intent with) {
    object = found.mapping.object;
    index = found.mapping.index_of(found.page);
    intent = with;
    stamp = found.mapping.stamp;
    changes = found.changes;
    page = {};
  }
  bool answers(const Found& found, Intent with) const {
    return page && object == found.mapping.object && index == found.mapping.index_of(found.page) && intent == with &&
           stamp == found.mapping.stamp && changes == found.changes;
  }
  // Error::fault: past the end of the object.
  Result<void> get() {
    page = TRY(object->page_for_mapping(index, intent));
    if (intent == Intent::write) object->modified_by_mapping();
    return {};
  }
};

namespace {

// Pages that were asked for together. Those that nobody has taken are given back at the end, which may free them: without
// the page table's lock.
struct HeldPages {
  static constexpr unsigned most = 16;
  unsigned count;
  Frame* pages[most];  // the first `count`, some of them null

  explicit HeldPages(unsigned number) : count(number) {}

  ~HeldPages() {
    for (unsigned i = 0; i < count; ++i)
      if (pages[i]) pages[i]->release();
  }
};

bool is_exclusive_copy(const Frame& frame) { return frame.is(FrameUse::user_page) && !frame.shared(); }

FaultSituation situation(const Mapping& mapping, Access access, PageEntry seen) {
  FaultSituation now{.access = access, .protection = mapping.protection};
  now.backing = mapping.anonymous()    ? FaultSituation::Backing::anonymous
                : mapping.is_private() ? FaultSituation::Backing::private_object
                                       : FaultSituation::Backing::shared_object;
  if (!seen.occupied()) return now;
  now.entry = seen.writable() ? FaultSituation::Entry::writable : FaultSituation::Entry::read_only;
  const Frame& frame = *Frame::of(seen.address());
  now.page = frames::is_zero_page(frame) ? FaultSituation::Page::zero
             : is_exclusive_copy(frame)  ? FaultSituation::Page::exclusive
                                         : FaultSituation::Page::shared;
  return now;
}

arch::PageRights rights(const Mapping& mapping, bool write) {
  return {.user = true, .write = write, .execute = mapping.protection.execute};
}

// Before the page can be seen: fork must not miss it.
void note_copy(Mapping& mapping) {
  if (!mapping.anonymous()) mapping.has_copies.store(true, std::memory_order_relaxed);
}

FaultOutcome outcome_of(Error error) {
  switch (error) {
    case Error::nomem:
    case Error::nospc:
    case Error::dquot:
      return FaultOutcome::no_space;
    case Error::intr:
      return FaultOutcome::resolved;  // a signal comes first; then the access faults again
    default:
      return FaultOutcome::past_end;
  }
}

}  // namespace

FaultOutcome AddressSpace::fault(std::uintptr_t address, Access access) {
  if (!arch::is_user_range(address, 1)) return FaultOutcome::no_mapping;
  Fetch fetch;
  while (true) {
    switch (attempt(address, access, fetch)) {
      case Attempt::resolved:
        return FaultOutcome::resolved;
      case Attempt::no_mapping:
        return FaultOutcome::no_mapping;
      case Attempt::not_allowed:
        return FaultOutcome::not_allowed;
      case Attempt::no_memory:
        return FaultOutcome::no_memory;
      case Attempt::grow:
        if (const auto grown = grow_stack(address); grown != FaultOutcome::resolved) return grown;
        break;
      case Attempt::fetch:
        if (const auto got = fetch.get(); !got) return outcome_of(got.error());
        break;
    }
  }
}

AddressSpace::Attempt AddressSpace::attempt(std::uintptr_t address, Access access, Fetch& fetch) {
  ReadGuard guard(lock_);
  Mapping* mapping = mappings_.find(address);
  if (!mapping) {
    const Mapping* above = mappings_.first_from(address);
    return above && above->grows_down ? Attempt::grow : Attempt::no_mapping;
  }
  // acquire: before the look at the object's pages; pairs with Mapping::unmap
  Found found{.mapping = *mapping,
              .page = page_floor(address),
              .changes = mapping->changes.load(std::memory_order_acquire),
              .entry = table_.find(address),
              .seen = {}};
  if (found.entry) found.seen = PageTable::load(found.entry);
  return act(found, access, fetch);
}

AddressSpace::Attempt AddressSpace::act(Found& found, Access access, Fetch& fetch) {
  switch (decide(situation(found.mapping, access, found.seen))) {
    case FaultAction::refuse:
      return Attempt::not_allowed;
    case FaultAction::nothing:
      arch::flush_page(found.page);
      return Attempt::resolved;
    case FaultAction::map_zero:
      return install(found, frames::zero_page().leak(), rights(found.mapping, false));
    case FaultAction::map_fresh: {
      const auto page = memory_->take_frame(FrameUse::user_page, Fill::zero);
      if (!page) return Attempt::no_memory;
      note_copy(found.mapping);  // where an object has a hole
      return install(found, *page, rights(found.mapping, true));
    }
    case FaultAction::map_object:
      return map_object(found, fetch);
    case FaultAction::map_object_writable:
      return map_object_writable(found, fetch);
    case FaultAction::copy_object:
      return copy_object(found, fetch);
    case FaultAction::copy_page:
      return copy_page(found);
    case FaultAction::allow_writing:
      return allow_writing(found);
  }
  return Attempt::resolved;
}

// Puts a page in place, instead of the one that was there; its one user is the entry, or nobody any more.
AddressSpace::Attempt AddressSpace::install(Found& found, Frame* page, arch::PageRights rights) {
  FlushBatch batch(table_);
  SpinGuard guard(table_.lock);
  if (!found.entry) {
    const auto made = table_.find_or_create(found.page, *memory_);
    if (!made) {
      batch.release(*page);
      return Attempt::no_memory;
    }
    found.entry = *made;
  }
  // With the table's lock: who drops pages of the object has counted already, or will find this entry.
  if (*found.entry != found.seen || found.mapping.changes.load(std::memory_order_acquire) != found.changes) {
    batch.release(*page);
    return Attempt::resolved;
  }
  if (found.seen.occupied()) {
    table_.clear(found.entry, found.page, batch);
    batch.flush();  // before anybody can write to the new page: nobody may go on reading the old one
  }
  table_.set(found.entry, *page, rights);
  return Attempt::resolved;
}

// The page and those around it that are at hand, for reading.
AddressSpace::Attempt AddressSpace::map_object(Found& found, Fetch& fetch) {
  constexpr unsigned window = HeldPages::most;
  static_assert(arch::entries_per_table % window == 0);
  Mapping& mapping = found.mapping;
  const std::uintptr_t aligned = found.page & ~(window * page_size - 1);
  const std::uintptr_t first = aligned > mapping.start ? aligned : mapping.start;
  const std::uintptr_t end = aligned + window * page_size < mapping.end ? aligned + window * page_size : mapping.end;
  const auto count = static_cast<unsigned>((end - first) >> page_shift);
  const auto wanted = (found.page - first) >> page_shift;
  HeldPages held(count);
  mapping.object->pages_present(mapping.index_of(first), count, held.pages);
  if (!held.pages[wanted]) {
    if (!fetch.answers(found, Intent::read)) {
      fetch.ask(found, Intent::read);
      return Attempt::fetch;
    }
    held.pages[wanted] = fetch.page.leak();
  }
  SpinGuard guard(table_.lock);
  const auto made = table_.find_or_create(first, *memory_);
  if (!made) return Attempt::no_memory;
  if (mapping.changes.load(std::memory_order_acquire) != found.changes) return Attempt::resolved;
  PageEntry* entry = *made;
  const arch::PageRights allowed = rights(mapping, false);
  held.count = 0;
  for (unsigned i = 0; i < count; ++i) {
    Frame* const page = held.pages[i];
    if (!page) continue;
    if (entry[i].occupied())
      held.pages[held.count++] = page;
    else
      table_.set(entry + i, *page, allowed);
  }
  return Attempt::resolved;
}

AddressSpace::Attempt AddressSpace::map_object_writable(Found& found, Fetch& fetch) {
  if (!fetch.answers(found, Intent::write)) {
    fetch.ask(found, Intent::write);
    return Attempt::fetch;
  }
  return install(found, fetch.page.leak(), rights(found.mapping, true));
}

// A private page with what `source` holds.
AddressSpace::Attempt AddressSpace::copy(Found& found, const FrameRef& source) {
  const bool zero = frames::is_zero_page(*source.get());
  const auto page = memory_->take_frame(FrameUse::user_page, zero ? Fill::zero : Fill::garbage);
  if (!page) return Attempt::no_memory;
  if (!zero) std::memcpy((*page)->data(), source.data(), page_size);
  note_copy(found.mapping);
  return install(found, *page, rights(found.mapping, true));
}

AddressSpace::Attempt AddressSpace::copy_object(Found& found, Fetch& fetch) {
  FrameRef source = found.mapping.object->page_present(found.mapping.index_of(found.page));
  if (!source) {
    if (!fetch.answers(found, Intent::read)) {
      fetch.ask(found, Intent::read);
      return Attempt::fetch;
    }
    source = std::move(fetch.page);
  }
  return copy(found, source);
}

AddressSpace::Attempt AddressSpace::copy_page(Found& found) {
  FrameRef source;
  {
    // Held: another thread that copies it as well may put an end to our use of it.
    SpinGuard guard(table_.lock);
    if (*found.entry != found.seen) return Attempt::resolved;
    found.frame().hold();
    source = FrameRef::adopt(&found.frame());
  }
  return copy(found, source);
}

AddressSpace::Attempt AddressSpace::allow_writing(Found& found) {
  FlushBatch batch(table_);
  SpinGuard guard(table_.lock);
  // The entry may look the same and yet mean another page: the one seen was dropped with its object's, and its frame
  // came back as one of the object's. Otherwise only fork could share the page, and it does not while the lock is held.
  if (*found.entry != found.seen || !is_exclusive_copy(found.frame())) return Attempt::resolved;
  table_.set_rights(found.entry, found.page, found.seen.with_rights(rights(found.mapping, true)), batch);
  return Attempt::resolved;
}

// The stack grows down to the address, within its limit, and not closer than the guard gap to what is below.
FaultOutcome AddressSpace::grow_stack(std::uintptr_t address) {
  WriteGuard guard(lock_);
  Mapping* stack = mappings_.first_from(address);
  if (!stack || (!stack->contains(address) && !stack->grows_down)) return FaultOutcome::no_mapping;
  if (stack->contains(address)) return FaultOutcome::resolved;  // another thread was faster
  const std::uintptr_t start = page_floor(address);
  if (start < arch::user_start || stack->end - start > limits_.stack) return FaultOutcome::no_mapping;
  const Mapping* below = mappings_.previous(*stack);
  if (below && !below->protection.none() && !below->grows_down && start - below->end < Mapping::guard_gap)
    return FaultOutcome::no_mapping;
  if (!check_limits(stack->start - start, 0)) return FaultOutcome::no_mapping;
  account(*stack, -1);
  stack->start = start;
  mappings_.changed(*stack);
  account(*stack, 1);
  return FaultOutcome::resolved;
}

}  // namespace cv6
