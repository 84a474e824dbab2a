#include "mm/frame.hpp"

#include <cstring>

#include "mm/allocation_failures.hpp"
#include "mm/buddy.hpp"
#include "mm/frame_map.hpp"
#include "mm/guest_memory.hpp"
#include "sync/per_cpu.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

namespace frames {

constinit Frame* array = nullptr;
constinit std::uint32_t array_size = 0;

namespace {

// Single frames that this processor can take and give without a lock, linked through `next`. Seen from the buddy system
// they are in use: their order is one that no block has.
struct Cache {
  static constexpr std::uint8_t order = 0xff;
  Frame* top = nullptr;
  std::atomic<std::uint32_t> count{0};  // written by this processor only
};

constinit PerCpu<Cache> caches;
constinit Guarded<Buddy, Rank::frames> buddy;
constinit std::atomic<std::uint64_t> total{0};
constinit Frame* zeros = nullptr;
// How many frames go between a cache and the buddy system at once; a cache holds up to twice as many. Less on small
// machines, where what lies in caches is missed.
constinit std::uint32_t batch = 4;

void push(Cache& cache, Frame* frame) {
  frame->use = FrameUse::free;
  frame->order = Cache::order;
  frame->next = cache.top ? cache.top->number() : 0;
  cache.top = frame;
  cache.count.store(cache.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

Frame* pop(Cache& cache) {
  Frame* frame = cache.top;
  cache.top = frame->next ? Frame::numbered(frame->next) : nullptr;
  cache.count.store(cache.count.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  return frame;
}

// A whole block at once where there is one: neighbours, and one trip through the lists.
void refill(Cache& cache) {
  auto locked = buddy.lock();
  unsigned order = 0;
  while ((2u << order) <= batch) ++order;
  for (Frame* block; cache.count.load(std::memory_order_relaxed) < batch;) {
    while (!(block = locked->take(order)) && order > 0) --order;
    if (!block) return;
    for (std::uint32_t i = 1u << order; i-- > 0;) push(cache, block + i);
  }
}

void drain(Cache& cache) {
  auto locked = buddy.lock();
  for (std::uint32_t i = 0; i < batch; ++i) locked->give(pop(cache), 0);
}

Frame* take_block(unsigned order) {
  return order > Buddy::max_order ? nullptr : buddy.with([&](Buddy& blocks) { return blocks.take(order); });
}

}  // namespace

Result<Frame*> take(unsigned order, FrameUse use, Fill fill) {
  if (allocation_failures::should_fail()) return Error::nomem;
  Frame* frame;
  if (order == 0) [[likely]] {
    Cache& cache = caches.here();
    if (!cache.top) [[unlikely]] {
      refill(cache);
      if (!cache.top) return Error::nomem;
    }
    frame = pop(cache);
  } else {
    frame = take_block(order);
    if (!frame) return Error::nomem;
  }
  frame->users.store(1, std::memory_order_relaxed);
  frame->use = use;
  frame->order = static_cast<std::uint8_t>(order);
  frame->owner = nullptr;
  frame->caches.store(0, std::memory_order_relaxed);
  if (fill == Fill::zero) std::memset(frame->data(), 0, page_size << order);
  return frame;
}

void give(Frame* block) {
  CV6_ASSERT(block->use > FrameUse::free);
  if (block->order == 0) [[likely]] {
    Cache& cache = caches.here();
    push(cache, block);
    if (cache.count.load(std::memory_order_relaxed) >= 2 * batch) drain(cache);
    return;
  }
  buddy.with([&](Buddy& blocks) { blocks.give(block, block->order); });
}

FrameRef zero_page() {
  zeros->hold();
  return FrameRef::adopt(zeros);
}

bool is_zero_page(const Frame& frame) { return &frame == zeros; }

Counts counts() {
  Counts counts;
  counts.total = total.load(std::memory_order_relaxed);
  counts.free = buddy.with([](Buddy& blocks) { return blocks.free_frames(); });
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu)
    counts.free += caches.of(cpu).count.load(std::memory_order_relaxed);
  return counts;
}

Result<void> initialise(const Range* usable, unsigned usable_count, const Range* reserved, unsigned reserved_count) {
  FrameMap map({usable, usable_count}, {reserved, reserved_count});
  const arch::PhysicalAddress place = TRY(map.place_array());
  array = static_cast<Frame*>(arch::direct(place));
  array_size = map.frame_count();
  auto locked = buddy.lock();
  locked->initialise(array, map.frame_count());
  map.for_each([&](FrameMap::Part part, std::uint32_t first, std::uint32_t end) {
    if (part == FrameMap::Part::free)
      locked->add(first, end);
    else
      std::memset(static_cast<void*>(array + first), 0, (end - first) * sizeof(Frame));
  });
  total.store(locked->free_frames(), std::memory_order_relaxed);
  const std::uint64_t wanted = locked->free_frames() / 1024;
  batch = wanted < 4 ? 4 : wanted > 32 ? 32 : static_cast<std::uint32_t>(wanted);
  zeros = locked->take(0);
  if (!zeros) return Error::nomem;
  zeros->users.store(1, std::memory_order_relaxed);
  zeros->use = FrameUse::kernel;
  zeros->owner = nullptr;
  std::memset(zeros->data(), 0, page_size);
  return {};
}

void free_reserved(Range range) {
  const auto first = static_cast<std::uint32_t>(range.start >> page_shift);
  const auto end = static_cast<std::uint32_t>(range.end >> page_shift);
  if (first >= end) return;
  buddy.with([&](Buddy& blocks) { blocks.add(first, end); });
  total.fetch_add(end - first, std::memory_order_relaxed);
}

FrameRef adopt_reserved(arch::PhysicalAddress page, GuestMemory& owner) {
  Frame* frame = Frame::of(page);
  CV6_ASSERT(frame->use == FrameUse::reserved);
  frame->users.store(1, std::memory_order_relaxed);
  frame->use = FrameUse::file_page;
  frame->order = 0;
  frame->caches.store(0, std::memory_order_relaxed);
  total.fetch_add(1, std::memory_order_relaxed);
  owner.adopt(*frame);
  return FrameRef::adopt(frame);
}

}  // namespace frames

void Frame::last_user_gone() {
  if (owner)
    owner->give_back(*this);
  else
    frames::give(this);
}

}  // namespace cv6
