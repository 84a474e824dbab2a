// The pages of one file, by index: what read and write copy from and to, and what mappings map.
//
// The index is a radix tree whose nodes are counted and shared: share_from() makes this cache a copy of another one in
// O(1), page by page copy on write (a "reflink"). From then on whoever writes first gets a node path and a page of its
// own; everything neither side has written is held once. A page is charged to the GuestMemory that owns the cache which
// took it. Missing pages are holes, zero when read.
//
// Lock order: the cache's own spin lock protects the index; pages are held by count once found. Contents of pages are
// not protected here: two writers of one byte race as POSIX lets them.
#pragma once

#include "lib/list.hpp"
#include "mm/frame.hpp"
#include "mm/guest_memory.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class Mapping;

class PageCache {
 public:
  explicit PageCache(Ref<GuestMemory> owner);
  ~PageCache();

  // The page, or an empty FrameRef for a hole.
  FrameRef find(std::uint64_t index);
  // A page that only this cache (and mappings of it) uses: allocated, zeroed, if it was a hole; copied if it was shared
  // with another cache, in which case mappings of the old page through this cache are unmapped. Error::nomem.
  // Fill::garbage spares zeroing a page that the caller overwrites whole.
  Result<FrameRef> writable(std::uint64_t index, Fill fill = Fill::zero);
  // Puts a page where a hole is (initramfs).
  Result<void> insert(std::uint64_t index, FrameRef page);
  // Drops all pages from `index` on, and unmaps them from every address space.
  void truncate(std::uint64_t index);
  // Drops pages first..last (hole punching), and unmaps them.
  void punch(std::uint64_t first, std::uint64_t last);
  // This cache, which must be empty, becomes a copy-on-write twin of `other`. Writable mappings of the other's pages are
  // made read-only, so that the next write there faults and copies. Error::nomem.
  Result<void> share_from(PageCache& other);

  // The first index >= `from` that has a page (SEEK_DATA), or no value. And how many pages there are.
  bool next_page(std::uint64_t from, std::uint64_t& index);
  std::uint64_t page_count() const;
  GuestMemory& owner();

  // Which mappings may have pages of this cache in their page tables (reverse map).
  void add_mapping(Mapping& mapping);
  void remove_mapping(Mapping& mapping);

 private:
  // (owner of mm/ completes)
};

// What a mapping maps: a file, or a device's memory. Files implement it (fs/inode.hpp).
class MemoryObject : public Counted<MemoryObject> {
 public:
  virtual ~MemoryObject() = default;
  // The page for a read or a write through a mapping. A shared writable mapping asks with Intent::write at its first
  // write to each page. Error::fault past the end of the file (SIGBUS), Error::nomem. An empty FrameRef never.
  enum class Intent : std::uint8_t { read, write };
  virtual Result<FrameRef> page_for_mapping(std::uint64_t index, Intent intent) = 0;
  // Several pages at once, for fault-around: the pages first .. first + count - 1 that are present right now, empty
  // FrameRefs elsewhere. Never blocks or allocates.
  virtual void pages_present(std::uint64_t first, unsigned count, FrameRef* pages) = 0;
  // The cache whose reverse map the mapping must be in at the moment.
  virtual PageCache* cache_for_mapping() = 0;
  // A shared mapping was written through for the first time: the file's modification time changes.
  virtual void modified_by_mapping() = 0;
  // For /proc/PID/maps: device, inode number, and the path as far as it is known (into `buffer`).
  struct Label {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  virtual Label label() = 0;
};

}  // namespace cv6
