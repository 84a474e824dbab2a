// Addresses through every stage, for those who want to see them: GVA -> mapping -> page tables -> GPA -> HPA.
#include <bit>

#include "arch/user_memory.hpp"
#include "sched/scheduler.hpp"
#include "vm/address_space.hpp"

namespace cv6 {

using arch::PageEntry;

AddressSpace::Description AddressSpace::description_of(const Mapping& mapping) {
  return {.start = mapping.start,
          .end = mapping.end,
          .protection = mapping.protection,
          .sharing = mapping.sharing,
          .offset = mapping.offset,
          .object = mapping.object,
          .found_at = mapping.found_at,
          .name = mapping.name};
}

Result<void> AddressSpace::walk(std::uintptr_t address, Walk& walk) {
  walk = Walk();
  if (!arch::is_user_range(address, 1)) return Error::fault;
  ReadGuard guard(lock_);
  const Mapping* mapping = mappings_.find(address);
  if (!mapping) return Error::fault;
  walk.mapping = description_of(*mapping);
  // With the table's lock no entry changes, so what it uses stays, and with it its owner.
  SpinGuard entries(table_.lock);
  PageEntry* path[arch::table_levels];
  walk.levels = table_.path_to(address, path);
  for (unsigned i = 0; i < walk.levels; ++i) {
    walk.entries[i] = PageTable::load(path[i]);
    walk.tables[i] = FrameFacts::of(*Frame::of(static_cast<const void*>(path[i])));
  }
  walk.has_page = walk.levels == arch::table_levels && walk.entries[walk.levels - 1].occupied();
  if (walk.has_page) walk.page = FrameFacts::of(*Frame::of(walk.entries[walk.levels - 1].address()));
  return {};
}

namespace {

bool allows_the_same(PageEntry a, PageEntry b) {
  return a.present() == b.present() && a.writable() == b.writable() && a.executable() == b.executable();
}

// `page` is the one that comes `distance` pages after `first`, in both memories.
bool follows(const Frame& first, const Frame& page, std::uint32_t distance) {
  return page.number() == first.number() + distance && page.owner == first.owner && page.use == first.use &&
         (!first.owner || page.guest_number == first.guest_number + distance) &&
         page.users.load(std::memory_order_relaxed) == first.users.load(std::memory_order_relaxed);
}

}  // namespace

// From `start`, whose leaf is occupied, to the end of its table at most: what is done under the spin lock is bounded.
void AddressSpace::measure_run(std::uintptr_t start, std::uintptr_t end, Run& run) {
  const std::uintptr_t table_end = (start & ~(arch::level_span(1) - 1)) + arch::level_span(1);
  if (table_end < end) end = table_end;
  const PageEntry* entry = table_.find(start);
  const Frame& first = *Frame::of(entry->address());
  run.address = start;
  run.entry = *entry;
  run.page = FrameFacts::of(first);
  run.pages = 1;
  for (std::uintptr_t at = start + page_size; at < end; at += page_size, ++run.pages) {
    ++entry;
    if (!entry->occupied() || !allows_the_same(*entry, run.entry)) return;
    if (!follows(first, *Frame::of(entry->address()), run.pages)) return;
  }
}

bool AddressSpace::next_run(std::uintptr_t from, Run& run) {
  const Run before = std::exchange(run, Run());  // what it holds goes after the locks
  for (;; sched::maybe_yield()) {
    ReadGuard guard(lock_);
    const Mapping* mapping = mappings_.first_from(from);
    if (!mapping) return false;
    if (from < mapping->start) from = mapping->start;
    if (!table_.next_occupied(from, mapping->end, tables_of_step)) continue;
    SpinGuard entries(table_.lock);
    if (!table_.find(from)->occupied()) continue;  // it has just been emptied
    measure_run(from, mapping->end, run);
    run.mapping = description_of(*mapping);
    return true;
  }
}

}  // namespace cv6
