// The pages of one file, by index: what read and write copy from and to, and what mappings map.
//
// The index is a radix tree whose nodes are counted and shared: share_from() makes this cache a copy of another one in
// O(1), page by page copy on write (a "reflink"). From then on whoever writes first gets a node path and a page of its
// own; everything neither side has written is held once. A page is charged to the GuestMemory that owns the cache which
// took it. Missing pages are holes, zero when read.
//
// Lock order: the cache's own spin lock protects the index and the list of objects; after it come the objects' locks
// and those of page tables. Pages are held by count once found. Contents of pages are not protected here: two writers
// of one byte race as POSIX lets them. But who writes into a page that writable() gave him must keep share_from() and
// truncate() of the same cache out until he is done (the file's mutex does): the page may be shared or gone afterwards.
// Likewise a reader who must not see later changes of a twin keeps writable() out.
#pragma once

#include "lib/list.hpp"
#include "mm/frame.hpp"
#include "mm/guest_memory.hpp"
#include "sync/spin_lock.hpp"
#include "vm/disk_account.hpp"
#include "vm/memory_object.hpp"
#include "vm/page_index.hpp"

namespace cv6 {

class PageCache {
 public:
  // `account`: what the pages that this cache gets for itself are charged to besides; null: nothing.
  explicit PageCache(Ref<GuestMemory> owner, Ref<DiskAccount> account = {});
  ~PageCache();

  // The page, or an empty FrameRef for a hole.
  FrameRef find(std::uint64_t index);
  // The pages first .. first + count - 1, empty FrameRefs for holes.
  void find(std::uint64_t first, unsigned count, Frame** pages);
  // A page that only this cache (and mappings of it) uses: allocated, zeroed, if it was a hole; copied if it was shared
  // with another cache, in which case mappings of the old page through this cache are unmapped. Error::nomem, Error::dquot
  // (the account).
  // Fill::garbage spares zeroing a page that the caller overwrites whole.
  Result<FrameRef> writable(std::uint64_t index, Fill fill = Fill::zero);
  // Puts a page where a hole is (initramfs). Error::exist, Error::nomem.
  Result<void> insert(std::uint64_t index, FrameRef page);
  // Drops all pages from `index` on, and unmaps them from every address space (private copies of them too: beyond the
  // end of a file there is nothing).
  void truncate(std::uint64_t index);
  // Drops pages first..last (hole punching), and unmaps them. Error::nomem when they are shared with another cache:
  // some of them may still be there. Both give way: what is put there meanwhile may stay.
  Result<void> punch(std::uint64_t first, std::uint64_t last);
  // This cache becomes a copy-on-write twin of `other`; pages that it had are dropped. Writable mappings of the other's pages
  // are made read-only, so that the next write there faults and copies.
  Result<void> share_from(PageCache& other);
  // The pages to .. to + count - 1 become copy-on-write twins of `other`'s from .. from + count - 1 (holes: holes); the two
  // ranges do not overlap. Costs no page, and nodes of the index only. Error::nomem, Error::dquot; `done` pages have been
  // shared in any case.
  Result<void> share_range(PageCache& other, std::uint64_t from, std::uint64_t to, std::uint64_t count, std::uint64_t& done);

  // The first index >= `from` that has a page (SEEK_DATA), or no value. And how many pages there are.
  bool next_page(std::uint64_t from, std::uint64_t& index);
  std::uint64_t page_count() const;
  GuestMemory& owner() { return *owner_; }
  bool has_account() const { return static_cast<bool>(account_); }
  // Whether so many pages more could be had now. Error::nospc, Error::dquot.
  Result<void> check_room(std::uint64_t pages);

  // --- for MemoryObject: the objects whose mappings may have pages of this cache ---
  void attach(MemoryObject& object);
  enum class Detach : std::uint8_t { always, if_unmapped };
  void detach(MemoryObject& object, Detach when);

 private:
  static constexpr unsigned share_batch = 64;
  static constexpr std::uint64_t drop_batch = 4096;  // pages; a power of two, so that parts of the index go as a whole
  Result<void> lend(PageIndex& to, std::uint64_t first, unsigned count);
  Result<void> take_shared(const PageIndex& from, std::uint64_t first, unsigned count, FrameRef* replaced,
                           std::uint64_t& done) REQUIRES(lock_);
  Result<FrameRef> put_own_page(std::uint64_t index, const Frame* shared, Fill fill, FrameRef& old) REQUIRES(lock_);
  Result<void> put_shared_page(std::uint64_t index, Frame& page, FrameRef& old) REQUIRES(lock_);
  std::uint64_t unmap(std::uint64_t first, std::uint64_t last, Mapping::Pages pages, std::uint64_t most = UINT64_MAX)
      REQUIRES(lock_);
  // Mappings' pages become read-only.
  std::uint64_t write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most = UINT64_MAX) REQUIRES(lock_);
  // All from `first` on that is mapped now, giving way: after it unmap() or write_protect() finds few pages.
  void unmap_in_parts(std::uint64_t first, Mapping::Pages pages);
  void write_protect_in_parts();
  std::uint64_t mapped_end();

  Ref<GuestMemory> owner_;
  Ref<DiskAccount> account_;
  mutable SpinLock lock_{Rank::page_cache};
  PageIndex index_ GUARDED_BY(lock_);
  ChargedPages charged_ GUARDED_BY(lock_);
  List<MemoryObject, &MemoryObject::cache_node> objects_ GUARDED_BY(lock_);
};

}  // namespace cv6
