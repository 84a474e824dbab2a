#include "vm/page_table.hpp"

#include <cstring>

#include "vm/flush_batch.hpp"

namespace cv6 {

using arch::PageEntry;

namespace {

// Faults look at entries without the lock, processors at any time.
void store(PageEntry* entry, PageEntry value) {
  std::atomic_ref(*entry).store(value, std::memory_order_release);  // pairs with load()
}

bool is_file_page(const Frame& frame) { return frame.use == FrameUse::file_page; }

}  // namespace

PageEntry PageTable::load(const PageEntry* entry) {
  return std::atomic_ref(*const_cast<PageEntry*>(entry)).load(std::memory_order_acquire);
}

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

PageTable::~PageTable() {
  if (!root()) return;
  FrameBatch batch;
  for (std::uint32_t number = tables_; number;) {
    Frame& frame = *Frame::numbered(number);
    number = frame.next;
    batch.release(frame);
  }
  batch.release(*Frame::of(root()));
}

PageEntry* PageTable::find(std::uintptr_t address) const {
  PageEntry* table = root_entries();
  for (unsigned level = arch::table_levels - 1; level > 0; --level) {
    const PageEntry entry = load(&table[arch::table_index(address, level)]);
    if (!entry.present()) return nullptr;
    table = static_cast<PageEntry*>(arch::direct(entry.address()));
  }
  return &table[arch::table_index(address, 0)];
}

Result<PageEntry*> PageTable::find_or_create(std::uintptr_t address, GuestMemory& memory) {
  PageEntry* table = root_entries();
  for (unsigned level = arch::table_levels - 1; level > 0; --level) {
    PageEntry& entry = table[arch::table_index(address, level)];
    if (!entry.present()) {
      Frame* frame = TRY(memory.take(FrameUse::page_table, Fill::zero)).leak();
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

void PageTable::set(PageEntry* entry, FrameRef page, arch::PageRights rights) {
  Frame* frame = page.leak();
  ++counts.resident;
  counts.of_files += is_file_page(*frame);
  store(entry, PageEntry::leaf(frame->physical(), rights));
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

void PageTable::share(PageEntry* entry, std::uintptr_t address, PageTable& other, PageEntry* to,
                      FlushBatch& batch) NO_THREAD_SAFETY_ANALYSIS {
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

void PageTable::clear_range(std::uintptr_t start, std::uintptr_t end, Mapping::Pages pages, FlushBatch& batch) {
  for_each(start, end, [&](PageEntry* entry, std::uintptr_t address) NO_THREAD_SAFETY_ANALYSIS {
    if (pages == Mapping::Pages::all || Frame::of(entry->address())->use != FrameUse::user_page)
      clear(entry, address, batch);
  });
}

void PageTable::write_protect(std::uintptr_t start, std::uintptr_t end, FlushBatch& batch) {
  for_each(start, end, [&](PageEntry* entry, std::uintptr_t address) NO_THREAD_SAFETY_ANALYSIS {
    if (entry->writable()) set_rights(entry, address, entry->read_only(), batch);
  });
}

void PageTable::abandon(std::uintptr_t start, std::uintptr_t end, FrameBatch& batch) {
  for_each(start, end, [&](PageEntry* entry, std::uintptr_t) { batch.release(*Frame::of(entry->address())); });
}

void PageTable::remove_table(Frame& frame, FlushBatch& batch) {
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
