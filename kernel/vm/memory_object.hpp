// What a mapping maps: a file, a device's memory, or memory shared between processes. Files implement it
// (fs/inode.hpp).
//
// An object knows its mappings (the reverse map), and the PageCache that its pages come from knows the object, so that
// a cache that drops or replaces a page can take it out of all page tables. Locks, in this order: the cache's (its
// index and its objects), the object's (its mappings), the page table's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "lib/list.hpp"
#include "lib/tree.hpp"
#include "mm/frame.hpp"
#include "sched/scheduler.hpp"
#include "sync/spin_lock.hpp"
#include "vm/mapping.hpp"

namespace cv6 {

class PageCache;

class MemoryObject : public Counted<MemoryObject> {
 public:
  MemoryObject() = default;
  virtual ~MemoryObject() = default;

  // The page for a read or a write through a mapping. A shared writable mapping asks with Intent::write at its first
  // write to each page. Error::fault past the end of the file (SIGBUS), Error::nomem. An empty FrameRef never. For a
  // read of a hole the answer may be frames::zero_page(): PageCache takes it out of the mappings when the hole is
  // filled. Called without any lock; may block.
  enum class Intent : std::uint8_t { read, write };
  virtual Result<FrameRef> page_for_mapping(std::uint64_t index, Intent intent) = 0;
  // Several pages at once, for fault-around: the pages first .. first + count - 1 that are present right now, each with
  // a count for the caller; null elsewhere. Never blocks or allocates: the address space's lock is held, which comes after
  // files'. The default finds none, for objects whose pages are not worth it.
  virtual void pages_present([[maybe_unused]] std::uint64_t first, unsigned count, Frame** pages) {
    std::fill_n(pages, count, nullptr);
  }
  FrameRef page_present(std::uint64_t index) {
    Frame* page;
    pages_present(index, 1, &page);
    return FrameRef::adopt(page);
  }
  // The cache that the object's pages come from at the moment; null: none that changes its pages (a device). Every
  // cache that is ever answered lives as long as the object.
  virtual PageCache* cache_for_mapping() = 0;
  // A page of a shared mapping is written to for the first time: the file's modification time changes. Without any
  // lock.
  virtual void modified_by_mapping() = 0;
  // For /proc/PID/maps: device and inode number.
  struct Label {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  virtual Label label() = 0;
  // What the object is known by to those that do not hold it, for as long as the machine runs: unlike its address, which
  // another object may have next. Given when it is first asked for; few objects ever are.
  std::uint64_t serial_number();

  // --- for the file system --------------------------------------------------------------------------------------------
  // cache_for_mapping() answers another cache from now on, with the same pages (it shares them): mappings follow.
  void cache_changed();

  // --- for address spaces ---------------------------------------------------------------------------------------------
  // The reverse map. A mapping is added before its first page is mapped and removed after its last one is gone.
  void add_mapping(Mapping& mapping);
  void remove_mapping(Mapping& mapping);
  // Bounds of mappings change only in here. change() tells its argument, and may also add mappings to it and take them out.
  // Nothing below may block.
  template <class Change>
  void change_mappings(Change change) {
    SpinGuard guard(mappings_lock_);
    change(mappings_);
  }
  // In order of the pages where they begin; those that begin at the same one in order of being added, which fork and mremap
  // rely on. So those that have some page are found without looking at all.
  struct ByFirstIndex {
    std::uint64_t operator()(const Mapping& mapping) const { return mapping.first_index(); }
  };
  struct LastIndex {
    static void update(Mapping& mapping, const Mapping* left, const Mapping* right);
  };
  using Mappings = Tree<Mapping, &Mapping::object_node, ByFirstIndex, LastIndex>;

 private:
  friend class PageCache;
  // Pages first .. last are not what they were: takes them out of the page tables (what a private mapping has copied
  // stays, unless Pages::all), or makes them read-only. `most` entries at the most, then it looks no further; how many that were.
  std::uint64_t unmap(std::uint64_t first, std::uint64_t last, Mapping::Pages pages, std::uint64_t most = UINT64_MAX);
  std::uint64_t write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most = UINT64_MAX);
  // Behind the last page that is mapped, or may be.
  std::uint64_t mapped_end();
  // What change(first, last, most) does, one of the above, for the pages first .. end - 1: a part at a time, giving way in
  // between. The parts grow where there is little to do, and shrink where there is much, to one page at the least: so few
  // entries are looked at more often than once.
  template <class Change>
  static void change_in_parts(std::uint64_t first, std::uint64_t end, Change change);
  void attach();

  SpinLock mappings_lock_{Rank::mappings};
  Mappings mappings_ GUARDED_BY(mappings_lock_);
  std::atomic<std::uint64_t> serial_number_{0};  // 0: none yet
  std::atomic<PageCache*> attached_{nullptr};  // the cache that has this object in its list; changed under its lock

 public:
  ListNode cache_node;  // for PageCache
};

template <class Change>
void MemoryObject::change_in_parts(std::uint64_t first, std::uint64_t end, Change change) {
  constexpr std::uint64_t most = 4096;  // entries
  for (std::uint64_t pages = most; first < end; sched::maybe_yield()) {
    if (change(first, first + pages - 1, pages == 1 ? UINT64_MAX : most) >= most && pages != 1) {  // there may be more
      pages /= 2;
    } else {
      first += pages;
      pages *= 2;
    }
  }
}

}  // namespace cv6
