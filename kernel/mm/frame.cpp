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

// How many frames go between a cache and the buddy system at once; a cache holds up to twice as many. Less on small
// machines, where what lies in caches is missed.
constinit std::uint32_t batch = 4;

// Single frames, linked through `next`.
struct Stack {
  Frame* top = nullptr;
  std::atomic<std::uint32_t> count{0};  // written by one processor only

  void push(Frame* frame) {
    frame->set_use(FrameUse::cached);
    frame->next = top ? top->number() : 0;
    top = frame;
    count.store(size() + 1, std::memory_order_relaxed);
  }
  Frame* pop() {
    Frame* frame = top;
    top = frame->next ? Frame::numbered(frame->next) : nullptr;
    count.store(size() - 1, std::memory_order_relaxed);
    return frame;
  }
  std::uint32_t size() const { return count.load(std::memory_order_relaxed); }
};

// What this processor can take and give without a lock.
struct Cache {
  Stack frames;
  Stack zeroed;  // at most `batch`
};

constinit PerCpu<Cache> caches;
constinit Guarded<Buddy, Rank::frames> buddy;
constinit std::atomic<std::uint64_t> total{0};
constinit Frame* zeros = nullptr;

// A whole block at once where there is one: neighbours, and one trip through the lists.
void refill(Stack& stack) {
  auto locked = buddy.lock();
  unsigned order = 0;
  while ((2u << order) <= batch) ++order;
  for (Frame* block; stack.size() < batch;) {
    while (!(block = locked->take(order)) && order > 0) --order;
    if (!block) return;
    for (std::uint32_t i = 1u << order; i-- > 0;) stack.push(block + i);
  }
}

void drain(Stack& stack) {
  auto locked = buddy.lock();
  for (std::uint32_t i = 0; i < batch; ++i) locked->give(stack.pop(), 0);
}

// nullptr: there is none. `fill` becomes Fill::garbage if nothing needs to be done about the contents.
Frame* take_single(Fill& fill) {
  Cache& cache = caches.here();
  if (fill == Fill::zero && cache.zeroed.top) {
    Frame* frame = cache.zeroed.pop();
    CV6_DEBUG_ASSERT(std::memcmp(frame->data(), zeros->data(), page_size) == 0);
    fill = Fill::garbage;
    return frame;
  }
  if (!cache.frames.top) [[unlikely]] {
    refill(cache.frames);
    if (!cache.frames.top) return cache.zeroed.top ? cache.zeroed.pop() : nullptr;
  }
  return cache.frames.pop();
}

Frame* take_block(unsigned order) {
  return order > Buddy::max_order ? nullptr : buddy.with([&](Buddy& blocks) { return blocks.take(order); });
}

}  // namespace

Result<Frame*> take(unsigned order, FrameUse use, Fill fill) {
  if (allocation_failures::should_fail()) return Error::nomem;
  Frame* frame = order == 0 ? take_single(fill) : take_block(order);
  if (!frame) [[unlikely]]
    return Error::nomem;
  frame->users.store(1, std::memory_order_relaxed);
  frame->set_use(use);
  frame->order = static_cast<std::uint8_t>(order);
  frame->owner = nullptr;
  frame->caches.store(0, std::memory_order_relaxed);
  if (fill == Fill::zero) std::memset(frame->data(), 0, page_size << order);
  return frame;
}

void give(Frame* block, Fill contents) {
  CV6_ASSERT(block->in_use());
  if (block->order != 0) [[unlikely]]
    return buddy.with([&](Buddy& blocks) { blocks.give(block, block->order); });
  Cache& cache = caches.here();
  if (contents == Fill::zero && cache.zeroed.size() < batch) return cache.zeroed.push(block);
  cache.frames.push(block);
  if (cache.frames.size() >= 2 * batch) drain(cache.frames);
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
    counts.free += caches.of(cpu).frames.size() + caches.of(cpu).zeroed.size();
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
  zeros->set_use(FrameUse::kernel);
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
  frame->set_use(FrameUse::file_page);
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
