#include "vm/page_table.hpp"

#include <cstring>

#include "sched/pace.hpp"
#include "vm/flush_batch.hpp"

namespace cv6 {

using arch::PageEntry;

Result<void> PageTable::create(GuestMemory& memory) {
  Frame* frame = TRY(memory.take(FrameUse::page_table, Fill::garbage)).leak();
  constexpr std::size_t half = page_size / 2;
  char* table = static_cast<char*>(frame->data());
  std::memset(table, 0, half);
  std::memcpy(table + half, static_cast<char*>(arch::direct(arch::kernel_page_table())) + half, half);
  loaded.set_root(frame->physical());
  SpinGuard guard(lock);
  counts.tables = 1;
  return {};
}

// Tables come before those above them in the list: when one goes, its entry there is cleared, and so each is all zero
// when its turn comes.
PageTable::~PageTable() {
  if (!root()) return;
#ifdef CV6_DEBUG
  CV6_ASSERT(counts.resident == 0 && counts.of_files == 0);
#endif
  for (std::uint32_t number = tables_;; sched::maybe_yield()) {
    FrameBatch batch;  // ends before others get their turns
    for (unsigned left = sched::Pace::usual; number && left > 0; --left) {
      Frame& frame = *Frame::numbered(number);
      number = frame.next;
      const Frame& above = *Frame::numbered(frame.caches.load(std::memory_order_relaxed));
      static_cast<PageEntry*>(above.data())[frame.slot] = PageEntry();
      batch.release(frame, Fill::zero);
    }
    if (number) continue;
    batch.release(*Frame::of(root()));
    return;
  }
}

Result<PageEntry*> PageTable::find_or_create(std::uintptr_t address, GuestMemory& memory) {
  PageEntry* table = root_entries();
  for (unsigned level = arch::table_levels - 1; level > 0; --level) {
    PageEntry& entry = table[arch::table_index(address, level)];
    if (!entry.present()) {
      Frame* frame = TRY(memory.take(FrameUse::page_table, Fill::zero)).leak();
      frame->slot = static_cast<std::uint16_t>(arch::table_index(address, level));
      frame->caches.store(Frame::of(table)->number(), std::memory_order_relaxed);
      frame->previous = 0;
      frame->next = tables_;
      if (tables_) Frame::numbered(tables_)->previous = frame->number();
      tables_ = frame->number();
      ++counts.tables;
      store(&entry, PageEntry::table(frame->physical()));
    }
    table = static_cast<PageEntry*>(arch::direct(entry.address()));
  }
  return &table[arch::table_index(address, 0)];
}

void PageTable::set_rights(PageEntry* entry, std::uintptr_t address, PageEntry changed, FlushBatch& batch) {
  const PageEntry before = *entry;
  store(entry, changed);
  // More rights need no flush: a processor that does not find them looks again.
  if (before.present() && (!changed.present() || (before.writable() && !changed.writable()) ||
                           (before.executable() && !changed.executable())))
    batch.add(address);
}

void PageTable::move(PageEntry* from, std::uintptr_t address, PageEntry* to, FlushBatch& batch) {
  if (from->present()) batch.add(address);
  store(to, *from);
  store(from, PageEntry());
}

void PageTable::share(PageEntry* entry, std::uintptr_t address, PageTable& other, PageEntry* to, FlushBatch& batch) {
  Frame& frame = *Frame::of(entry->address());
  frame.hold();
  if (entry->writable()) {
    if (entry->present()) batch.add(address);
    store(entry, entry->read_only());
  }
  store(to, *entry);
  ++other.counts.resident;
  other.counts.of_files += is_file_page(frame);
}

void PageTable::clear(PageEntry* entry, std::uintptr_t address, FlushBatch& batch) {
  Frame& frame = *Frame::of(entry->address());
  --counts.resident;
  counts.of_files -= is_file_page(frame);
  if (entry->present()) batch.add(address);
  store(entry, PageEntry());
  batch.release(frame);
}

bool PageTable::next_occupied(std::uintptr_t& at, std::uintptr_t end, unsigned tables) const {
  for (; at < end && tables > 0; --tables) {
    std::uintptr_t stop = end;
    if (const PageEntry* entry = entries_from(at, stop))
      for (; at < stop; at += page_size, ++entry)
        if (load(entry).occupied()) return true;
    at = stop;
  }
  return false;
}

unsigned PageTable::path_to(std::uintptr_t address, PageEntry* (&entries)[arch::table_levels]) const {
  PageEntry* table = root_entries();
  for (unsigned count = 0; count < arch::table_levels; ++count) {
    const unsigned level = arch::table_levels - 1 - count;
    entries[count] = &table[arch::table_index(address, level)];
    const PageEntry entry = load(entries[count]);
    if (level == 0 || !entry.present()) return count + 1;
    table = static_cast<PageEntry*>(arch::direct(entry.address()));
  }
  __builtin_unreachable();
}

std::uint64_t PageTable::clear_range(std::uintptr_t start, std::uintptr_t end, Mapping::Pages pages, FlushBatch& batch,
                                     std::uint64_t most) {
  std::uint64_t cleared = 0;
  for_each(start, end, [&](PageEntry* entry, std::uintptr_t address) NO_THREAD_SAFETY_ANALYSIS {
    if (cleared == most) return;
    if (pages != Mapping::Pages::all && Frame::of(entry->address())->use == FrameUse::user_page) return;
    clear(entry, address, batch);
    ++cleared;
  });
  return cleared;
}

std::uint64_t PageTable::write_protect(std::uintptr_t start, std::uintptr_t end, FlushBatch& batch, std::uint64_t most) {
  std::uint64_t changed = 0;
  for_each(start, end, [&](PageEntry* entry, std::uintptr_t address) NO_THREAD_SAFETY_ANALYSIS {
    if (changed == most || !entry->writable()) return;
    set_rights(entry, address, entry->read_only(), batch);
    ++changed;
  });
  return changed;
}

void PageTable::abandon(std::uintptr_t start, std::uintptr_t end, FrameBatch& batch) {
  for_each_table(start, end, [&](PageEntry* entry, std::uintptr_t, unsigned count) {
    for (PageEntry* stop = entry + count; entry != stop; ++entry) {
      if (!entry->occupied()) continue;
      Frame& frame = *Frame::of(entry->address());
#ifdef CV6_DEBUG
      uncount(frame);
#endif
      batch.release(frame);
      *entry = PageEntry();
    }
  });
}

#ifdef CV6_DEBUG
void PageTable::uncount(const Frame& frame) {
  SpinGuard guard(lock);
  --counts.resident;
  counts.of_files -= is_file_page(frame);
}
#endif

void PageTable::remove_table(Frame& frame, FlushBatch& batch) {
#ifdef CV6_DEBUG
  for (const PageEntry& entry : std::span(static_cast<const PageEntry*>(frame.data()), page_size / sizeof(PageEntry)))
    CV6_ASSERT(!entry.occupied());
#endif
  if (frame.previous)
    Frame::numbered(frame.previous)->next = frame.next;
  else
    tables_ = frame.next;
  if (frame.next) Frame::numbered(frame.next)->previous = frame.previous;
  --counts.tables;
  batch.release(frame);
}

void PageTable::free_below(PageEntry* table, unsigned level, const Span& range, const Span& unused, FlushBatch& batch) {
  const std::uint64_t span = arch::level_span(level);
  for (std::uintptr_t at = range.start & ~(span - 1); at < range.end; at += span) {
    PageEntry& entry = table[arch::table_index(at, level)];
    if (!entry.present()) continue;
    Frame& below = *Frame::of(entry.address());
    const Span part{at > range.start ? at : range.start, at + span < range.end ? at + span : range.end};
    if (level > 1) free_below(static_cast<PageEntry*>(below.data()), level - 1, part, unused, batch);
    if (at < unused.start || at + span > unused.end) continue;
    store(&entry, PageEntry());
    batch.add(at);  // one page: processors forget all they know of tables with it
    remove_table(below, batch);
  }
}

void PageTable::free_tables(const Span& range, const Span& unused, FlushBatch& batch) {
  free_below(root_entries(), arch::table_levels - 1, range, unused, batch);
}

}  // namespace cv6
