#include "vm/page_index.hpp"

#include <algorithm>

#include "mm/payer.hpp"
#include "sched/scheduler.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

namespace {

// Pages that came into an index here less those that left their last one here: only the sum of all says something.
constinit PerCpu<std::atomic<std::uint64_t>> pages_indexed;

void add_to_count(std::uint64_t change) {
  std::atomic<std::uint64_t>& here = pages_indexed.here();
  here.store(here.load(std::memory_order_relaxed) + change, std::memory_order_relaxed);
}

void enter_index(Frame& page) {
  if (page.caches.fetch_add(1, std::memory_order_relaxed) == 0) add_to_count(1);
}

void leave_index(Frame& page) {
  if (page.caches.fetch_sub(1, std::memory_order_release) == 1)
    add_to_count(-std::uint64_t{1});  // pairs with is_shared()
}

}  // namespace

std::uint64_t PageIndex::pages_of_all() {
  std::uint64_t pages = 0;
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu) pages += pages_indexed.of(cpu).load(std::memory_order_relaxed);
  return pages;
}

// Level 1: the slots are pages; above: nodes of the level below.
struct PageIndex::Node : Charged<Node, "page_index_node"> {
  std::atomic<std::uint32_t> users{1};  // indexes and nodes that have it
  void* slots[fanout] = {};

  // acquire: pairs with the release of the other user, which copied from here before
  bool shared() const { return users.load(std::memory_order_acquire) > 1; }
  bool empty() const {
    return std::ranges::all_of(slots, [](void* item) { return item == nullptr; });
  }
};

PageIndex::~PageIndex() {
  FrameBatch batch;
  release(root_, level_, batch, Pace::giving_way);
}

void PageIndex::swap(PageIndex& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(level_, other.level_);
  std::swap(count_, other.count_);
  std::swap(cut_, other.cut_);
}

void PageIndex::hold(void* item, unsigned level) {
  if (!item) return;
  if (level > 0) {
    static_cast<Node*>(item)->users.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  auto* page = static_cast<Frame*>(item);
  page->hold();
  enter_index(*page);
}

void PageIndex::release(void* item, unsigned level, FrameBatch& batch, Pace pace) {
  if (!item) return;
  if (level == 0) {
    auto* page = static_cast<Frame*>(item);
    leave_index(*page);
    batch.release(*page);
    return;
  }
  auto* node = static_cast<Node*>(item);
  if (node->users.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  for (void* below : node->slots) release(below, level - 1, batch, pace);
  delete node;
  constexpr unsigned level_between_yields = 2;  // of 4,096 pages
  if (pace == Pace::giving_way && level == level_between_yields) sched::maybe_yield();
}

void* const* PageIndex::find_slot(std::uint64_t index) const {
  if (index >= cut_ || index > last_index || index >> (shift * level_) != 0) return nullptr;
  void* const* slot = &root_;
  for (unsigned level = level_; level > 0; --level) {
    if (!*slot) return nullptr;
    slot = &static_cast<const Node*>(*slot)->slots[slot_of(index, level)];
  }
  return slot;
}

Frame* PageIndex::find(std::uint64_t index) const {
  void* const* slot = find_slot(index);
  return slot ? static_cast<Frame*>(*slot) : nullptr;
}

// The node at `link`, for this index alone: made or copied if need be.
Result<PageIndex::Node*> PageIndex::own_node(void*& link, unsigned level) {
  auto* node = static_cast<Node*>(link);
  if (node && !node->shared()) return node;
  auto* own = new (std::nothrow) Node;
  if (!own) return Error::nomem;
  if (node) {
    for (unsigned i = 0; i < fanout; ++i) {
      own->slots[i] = node->slots[i];
      hold(own->slots[i], level - 1);
    }
    FrameBatch batch;
    release(node, level, batch);
  }
  link = own;
  return own;
}

// Until `index` is within the root's span.
Result<void> PageIndex::grow(std::uint64_t index) {
  while (index >> (shift * level_) != 0) {
    if (root_) {
      auto* node = new (std::nothrow) Node;
      if (!node) return Error::nomem;
      node->slots[0] = root_;
      root_ = node;
    }
    ++level_;
  }
  return {};
}

Result<Frame**> PageIndex::own(std::uint64_t index) {
  if (index > last_index) return Error::fbig;
  if (index >= cut_) TRY(settle());
  TRY(grow(index));
  void** link = &root_;
  for (unsigned level = level_; level > 0; --level) link = &TRY(own_node(*link, level))->slots[slot_of(index, level)];
  return reinterpret_cast<Frame**>(link);
}

FrameRef PageIndex::put(Frame** place, FrameRef page) {
  Frame* fresh = page.leak();
  if (fresh) enter_index(*fresh);
  Frame* old = std::exchange(*place, fresh);
  count_ += (fresh != nullptr) - (old != nullptr);
  if (old) leave_index(*old);
  return FrameRef::adopt(old);
}

std::uint64_t PageIndex::pages_below(const void* item, unsigned level, std::uint64_t first, std::uint64_t end) {
  if (!item || first >= end) return 0;
  if (level == 0) return 1;
  const std::uint64_t below = span(level - 1);
  std::uint64_t pages = 0;
  for (std::uint64_t i = first / below; i < fanout && i * below < end; ++i)
    pages += pages_below(static_cast<const Node*>(item)->slots[i], level - 1, first > i * below ? first - i * below : 0,
                         std::min(end - i * below, below));
  return pages;
}

// Drops what is below `link` within first .. last (relative to it).
Result<void> PageIndex::erase_below(void*& link, unsigned level, std::uint64_t first, std::uint64_t last,
                                    FrameBatch& batch) {
  if (!link) return {};
  if (first == 0 && last >= span(level) - 1) {
    release(std::exchange(link, nullptr), level, batch);
    return {};
  }
  Node* node = TRY(own_node(link, level));
  const std::uint64_t below = span(level - 1);
  for (std::uint64_t i = first / below; i < fanout && i * below <= last; ++i)
    TRY(erase_below(node->slots[i], level - 1, first > i * below ? first - i * below : 0,
                    std::min(last - i * below, below - 1), batch));
  if (node->empty()) release(std::exchange(link, nullptr), level, batch);
  return {};
}

// Does what truncate() could only remember.
Result<void> PageIndex::settle() {
  if (cut_ == no_cut) return {};
  if (cut_ >> (shift * level_) == 0) {
    FrameBatch batch;
    TRY(erase_below(root_, level_, cut_, last_index, batch));
  }
  cut_ = no_cut;
  if (!root_) level_ = 0;
  return {};
}

void PageIndex::truncate(std::uint64_t from) {
  if (from >= cut_) return;
  if (from >> (shift * level_) != 0) return;  // beyond the last page
  count_ -= pages_below(root_, level_, from, std::min(cut_, span(level_)));
  cut_ = from;
  (void)settle();
}

Result<void> PageIndex::erase(std::uint64_t first, std::uint64_t last) {
  TRY(settle());
  if (first > last || first >> (shift * level_) != 0) return {};
  FrameBatch batch;
  const std::uint64_t end = std::min(last, span(level_) - 1) + 1;
  const std::uint64_t before = pages_below(root_, level_, first, end);
  const Result<void> erased = erase_below(root_, level_, first, last, batch);
  count_ -= before - pages_below(root_, level_, first, end);
  if (!root_) level_ = 0;
  return erased;
}

void PageIndex::share_from(PageIndex& other) {
  CV6_ASSERT(empty());
  hold(other.root_, other.level_);
  root_ = other.root_;
  level_ = other.level_;
  count_ = other.count_;
  cut_ = other.cut_;
}

// The first page at or after `from` (relative to `item`).
bool PageIndex::next_below(const void* item, unsigned level, std::uint64_t from, std::uint64_t& index) {
  if (!item) return false;
  if (level == 0) {
    index = 0;
    return true;
  }
  const std::uint64_t below = span(level - 1);
  for (std::uint64_t i = from / below; i < fanout; ++i) {
    const std::uint64_t start = i * below;
    if (!next_below(static_cast<const Node*>(item)->slots[i], level - 1, from > start ? from - start : 0, index))
      continue;
    index += start;
    return true;
  }
  return false;
}

bool PageIndex::next_page(std::uint64_t from, std::uint64_t& index) const {
  if (from > last_index || from >> (shift * level_) != 0) return false;
  return next_below(root_, level_, from, index) && index < cut_;
}

}  // namespace cv6
