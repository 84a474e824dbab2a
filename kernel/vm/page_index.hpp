// Index -> page of one file: a radix tree whose nodes are counted and may be shared with other indexes.
//
// share_from() makes this index a copy of another one by sharing its root. Whoever changes something then copies the
// path of nodes to it, and only that. So a node is changed only by the one index that uses it: its count is 1, and so
// are those of all nodes above. A page belongs to one index alone if the path to it does and no other leaf has it;
// Frame::caches counts the leaves that have a page. (Frame::users counts those and all who map or use the page: no help
// for this.)
//
// A file of one page has no nodes: the root is the page. Nodes are charged to whoever pays when they are made
// (mm/payer.hpp): the owner of the cache.
//
// No locks: the owner of the index has one. Indexes that share nodes may be used at the same time, under locks of their
// own: a shared node does not change, and counts are atomic.
#pragma once

#include <algorithm>
#include <cstdint>

#include "mm/frame.hpp"
#include "mm/guest_memory.hpp"

namespace cv6 {

class PageIndex {
 public:
  static constexpr std::uint64_t last_index = UINT64_MAX >> 12;  // files are addressed by 64-bit byte offsets

  constexpr PageIndex() = default;
  PageIndex(PageIndex&& other) noexcept { swap(other); }
  PageIndex& operator=(PageIndex other) noexcept {
    swap(other);
    return *this;
  }
  ~PageIndex();  // gives way if there are many pages: no spin lock is held then

  // nullptr: a hole.
  Frame* find(std::uint64_t index) const;
  // Calls visit(page or nullptr) for first .. first + count - 1; walks down once for each leaf.
  template <class Visit>
  void visit_run(std::uint64_t first, std::uint64_t count, Visit visit) const;
  // A place in the index that no other index shares; null inside: a hole. Changed with put(). Error::nomem.
  Result<Frame**> own(std::uint64_t index);
  // Whether another index has the page too; for a page in a place from own().
  static bool is_shared(const Frame& page) { return page.caches.load(std::memory_order_acquire) > 1; }
  // Puts `page` in the place (the index holds a count of its own) and takes out what was there: the caller's now.
  FrameRef put(Frame** place, FrameRef page);

  // Never fails: when there is no memory to copy a shared path, the end is remembered instead and nothing is found
  // beyond it.
  void truncate(std::uint64_t from);
  // Drops first .. last. Error::nomem: some of them may still be there.
  Result<void> erase(std::uint64_t first, std::uint64_t last);
  // This index, which must be empty, becomes equal to `other`. O(1).
  void share_from(PageIndex& other);

  // Pages that all indexes of the system have together, each counted once: for /proc/meminfo.
  static std::uint64_t pages_of_all();

  bool next_page(std::uint64_t from, std::uint64_t& index) const;
  std::uint64_t count() const { return count_; }
  bool empty() const { return root_ == nullptr; }

 private:
  struct Node;
  struct Range;
  static constexpr unsigned shift = 6;
  static constexpr unsigned fanout = 1u << shift;
  static constexpr std::uint64_t no_cut = UINT64_MAX;

  // Pages below a node (or page: level 0) of this level.
  static std::uint64_t span(unsigned level) { return std::uint64_t{1} << (shift * level); }
  static unsigned slot_of(std::uint64_t index, unsigned level) {
    return static_cast<unsigned>(index >> (shift * (level - 1))) % fanout;
  }
  // Where the page with this index is, or would be; null: there is no leaf for it.
  void* const* find_slot(std::uint64_t index) const;
  static void hold(void* item, unsigned level);
  enum class Pace : std::uint8_t { at_once, giving_way };
  static void release(void* item, unsigned level, FrameBatch& batch, Pace pace = Pace::at_once);
  static Result<Node*> own_node(void*& link, unsigned level);
  static std::uint64_t pages_below(const void* item, unsigned level, std::uint64_t first, std::uint64_t end);
  static bool next_below(const void* item, unsigned level, std::uint64_t from, std::uint64_t& index);
  Result<void> grow(std::uint64_t index);
  Result<void> settle();
  Result<void> erase_below(void*& link, unsigned level, std::uint64_t first, std::uint64_t last, FrameBatch& batch);
  void swap(PageIndex& other) noexcept;

  void* root_ = nullptr;  // level 0: the page with index 0; else a Node
  std::uint8_t level_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t cut_ = no_cut;  // pages from here on are gone, though shared nodes may still have them
};

template <class Visit>
void PageIndex::visit_run(std::uint64_t first, std::uint64_t count, Visit visit) const {
  while (count > 0) {
    void* const* const slot = find_slot(first);
    const std::uint64_t in_leaf = std::min(level_ == 0 ? 1 : fanout - first % fanout, count);
    const std::uint64_t there = slot ? std::min(in_leaf, cut_ - first) : 0;
    for (std::uint64_t i = 0; i < there; ++i) visit(static_cast<Frame*>(slot[i]));
    for (std::uint64_t i = there; i < in_leaf; ++i) visit(nullptr);
    first += in_leaf;
    count -= in_leaf;
  }
}

}  // namespace cv6
