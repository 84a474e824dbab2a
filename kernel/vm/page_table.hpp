// The page tables of one address space: the processor's cache of its mappings.
//
// `lock` protects entries and counts. Tables are made while it is held and taken away only while nobody handles a fault
// (the address space's lock is held exclusively): so a fault may look at an entry without the lock, prepare a page, and
// then, with the lock, see whether the entry is still what it was.
//
// An entry that is occupied is a user of its frame. What a changed or emptied entry meant may still be cached by
// processors: changes go into a FlushBatch, which flushes, and only then lets frames go.
#pragma once

#include <cstdint>

#include "arch/mmu.hpp"
#include "mm/guest_memory.hpp"
#include "sync/spin_lock.hpp"
#include "vm/loaded_table.hpp"
#include "vm/mapping.hpp"

namespace cv6 {

class FlushBatch;

class PageTable {
 public:
  PageTable() = default;
  ~PageTable();  // no leaf is occupied any more, and no processor uses the table (loaded.drop())
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  // Makes the root. Tables are charged to `memory`, now and later. Error::nomem.
  Result<void> create(GuestMemory& memory);

  SpinLock lock{Rank::page_tables};
  LoadedTable loaded;

  // Batches with changes that processors have not heard of yet: raised with the lock held. (flush_batch.hpp)
  std::atomic<unsigned> unflushed{0};

  struct Counts {
    std::uint64_t resident = 0;  // occupied leaves
    std::uint64_t of_files = 0;  // of these, those whose frame is a file's
    std::uint64_t tables = 0;
  };
  Counts counts GUARDED_BY(lock);

  // The leaf entry for an address; null: its table does not exist. Needs no lock, see above.
  arch::PageEntry* find(std::uintptr_t address) const {
    arch::PageEntry* table = root_entries();
    for (unsigned level = arch::table_levels - 1; level > 0; --level) {
      const arch::PageEntry entry = load(&table[arch::table_index(address, level)]);
      if (!entry.present()) return nullptr;
      table = static_cast<arch::PageEntry*>(arch::direct(entry.address()));
    }
    return &table[arch::table_index(address, 0)];
  }
  // Faults look at entries without the lock, processors at any time.
  static arch::PageEntry load(const arch::PageEntry* entry) {
    return std::atomic_ref(*const_cast<arch::PageEntry*>(entry)).load(std::memory_order_acquire);  // pairs with store()
  }
  Result<arch::PageEntry*> find_or_create(std::uintptr_t address, GuestMemory& memory) REQUIRES(lock);

  // Puts `page` into an entry that is empty, with the one user of it that the caller has been.
  void set(arch::PageEntry* entry, Frame& page, arch::PageRights rights) REQUIRES(lock) {
    ++counts.resident;
    counts.of_files += is_file_page(page);
    store(entry, arch::PageEntry::leaf(page.physical(), rights));
  }
  // What the entry allows from now on, and whether it is there (PROT_NONE: hidden).
  void set_rights(arch::PageEntry* entry, std::uintptr_t address, arch::PageEntry changed, FlushBatch& batch)
      REQUIRES(lock);
  // Moves the page of `from` into `to`, which is empty.
  void move(arch::PageEntry* from, std::uintptr_t address, arch::PageEntry* to, FlushBatch& batch) REQUIRES(lock);
  // fork: maps the page that is mapped here at `to` as well, an entry of another table; neither may write to it any
  // more.
  void share(arch::PageEntry* entry, std::uintptr_t address, PageTable& other, arch::PageEntry* to, FlushBatch& batch)
      REQUIRES(lock, other.lock);
  // Empties it.
  void clear(arch::PageEntry* entry, std::uintptr_t address, FlushBatch& batch) REQUIRES(lock);

  // Calls visit(entry, address) for each occupied leaf in [start, end); start and end are page-aligned.
  template <class Visit>
  void for_each(std::uintptr_t start, std::uintptr_t end, Visit visit) {
    constexpr unsigned group = 8;  // most tables are mostly empty
    for_each_table(start, end, [&](arch::PageEntry* entry, std::uintptr_t address, unsigned count) {
      for (; count > 0; --count, ++entry, address += page_size) {
        for (; count > group && !any_occupied<group>(entry); entry += group) {
          count -= group;
          address += group * page_size;
        }
        if (entry->occupied()) visit(entry, address);
      }
    });
  }
  // Calls visit(first entry, its address, count) for each lowest-level table that exists, with its part of [start,
  // end).
  template <class Visit>
  void for_each_table(std::uintptr_t start, std::uintptr_t end, Visit visit);

  // Moves `at` to the first address from there on, before `end`, whose leaf is occupied. False: it looked at so many tables, and
  // gaps where there is none, and has got as far as `at`, or to `end`. Needs no lock, as find().
  bool next_occupied(std::uintptr_t& at, std::uintptr_t end, unsigned tables) const;
  // The entries that lead to an address, the root's first: up to the one that is not there, or the leaf. How many.
  unsigned path_to(std::uintptr_t address, arch::PageEntry* (&entries)[arch::table_levels]) const;

  // Empties the leaves in [start, end): all, or those whose page was not copied for a private mapping; the first `most` of
  // them. How many.
  std::uint64_t clear_range(std::uintptr_t start, std::uintptr_t end, Mapping::Pages pages, FlushBatch& batch,
                            std::uint64_t most = UINT64_MAX) REQUIRES(lock);
  // Makes leaves read-only that are not: the first `most` of them. How many.
  std::uint64_t write_protect(std::uintptr_t start, std::uintptr_t end, FlushBatch& batch, std::uint64_t most) REQUIRES(lock);
  // Takes away tables that serve [start, end) of `range`, which was emptied, and nothing outside `unused`, the free
  // range around it. Every table serves some mapping; so this is all that can go.
  struct Span {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
  };
  void free_tables(const Span& range, const Span& unused, FlushBatch& batch) REQUIRES(lock);
  // Lets go of all pages in [start, end): the end of the address space, when nobody else looks at the entries.
  void abandon(std::uintptr_t start, std::uintptr_t end, FrameBatch& batch);

  arch::PhysicalAddress root() const { return loaded.root(); }

 private:
  static void store(arch::PageEntry* entry, arch::PageEntry value) {
    std::atomic_ref(*entry).store(value, std::memory_order_release);  // pairs with load()
  }
  template <unsigned count>
  static bool any_occupied(const arch::PageEntry* entries) {
    bool any = false;
    for (unsigned i = 0; i < count; ++i) any |= entries[i].occupied();
    return any;
  }
  // The leaves from `start` on, in one table; `stop` comes back to where it ends. Null: there is none until `stop`.
  arch::PageEntry* entries_from(std::uintptr_t start, std::uintptr_t& stop) const {
    arch::PageEntry* table = root_entries();
    unsigned level = arch::table_levels - 1;
    for (; level > 0; --level) {
      const arch::PageEntry entry = load(&table[arch::table_index(start, level)]);
      if (!entry.present()) break;
      table = static_cast<arch::PageEntry*>(arch::direct(entry.address()));
    }
    // Up to the next address that the entry found here (a missing table, or the lowest one's last) says nothing about.
    const std::uint64_t span = arch::level_span(level ? level : 1);
    const std::uintptr_t next = (start & ~(span - 1)) + span;
    if (next < stop) stop = next;
    return level == 0 ? &table[arch::table_index(start, 0)] : nullptr;
  }
#ifdef CV6_DEBUG
  // Nobody asks any more; ~PageTable checks that what was counted is what was there.
  void uncount(const Frame& frame);
#endif
  static bool is_file_page(const Frame& frame) { return frame.use == FrameUse::file_page; }
  arch::PageEntry* root_entries() const { return static_cast<arch::PageEntry*>(arch::direct(root())); }
  void free_below(arch::PageEntry* table, unsigned level, const Span& range, const Span& unused, FlushBatch& batch)
      REQUIRES(lock);
  void remove_table(Frame& frame, FlushBatch& batch) REQUIRES(lock);

  std::uint32_t tables_ = 0;  // all but the root, linked through their frames, by number
};

template <class Visit>
void PageTable::for_each_table(std::uintptr_t start, std::uintptr_t end, Visit visit) {
  while (start < end) {
    std::uintptr_t stop = end;
    arch::PageEntry* entries = entries_from(start, stop);
    if (entries) visit(entries, start, static_cast<unsigned>((stop - start) >> page_shift));
    start = stop;
  }
}

}  // namespace cv6
