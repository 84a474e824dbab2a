#include "mm/heap.hpp"

#include <array>
#include <atomic>
#include <bit>

#include "mm/frame.hpp"
#include "mm/object_cache.hpp"
#include "mm/payer.hpp"

namespace cv6::heap {

namespace {

// Sizes that divide a page without its slab header with little left over.
[[clang::no_destroy]] constinit ObjectCache caches[] = {
    {"size-16", 16, 16},     {"size-32", 32, 16},   {"size-48", 48, 16},     {"size-64", 64, 64},
    {"size-80", 80, 16},     {"size-96", 96, 16},   {"size-112", 112, 16},   {"size-128", 128, 64},
    {"size-160", 160, 16},   {"size-192", 192, 64}, {"size-224", 224, 16},   {"size-256", 256, 64},
    {"size-320", 320, 64},   {"size-384", 384, 64}, {"size-496", 496, 16},   {"size-576", 576, 64},
    {"size-672", 672, 16},   {"size-800", 800, 16}, {"size-1008", 1008, 16}, {"size-1344", 1344, 64},
    {"size-2016", 2016, 16},
};
constexpr std::size_t sizes[] = {16,  32,  48,  64,  80,  96,  112, 128,  160,  192, 224,
                                 256, 320, 384, 496, 576, 672, 800, 1008, 1344, 2016};
static_assert(std::size(sizes) == std::size(caches));
constexpr std::size_t largest = sizes[std::size(sizes) - 1];

// By size in units of 16 bytes, rounded up: which cache.
constexpr auto cache_for = [] {
  std::array<std::uint8_t, largest / 16 + 1> table{};
  std::uint8_t at = 0;
  for (std::size_t units = 0; units < table.size(); ++units) {
    if (units * 16 > sizes[at]) ++at;
    table[units] = at;
  }
  return table;
}();

constinit std::atomic<std::uint64_t> blocks{0};

// Blocks of whole frames are charged to who pays now; the first frame says who that was.
void* take_frames(std::size_t size) {
  const auto order = static_cast<unsigned>(std::bit_width(pages_for(size) - 1));
  GuestMemory* payer = payer::current();
  if (payer && !payer->charge_bytes(page_size << order)) return nullptr;
  const auto frame = frames::take(order, FrameUse::kernel, Fill::garbage);
  if (!frame) {
    if (payer) payer->uncharge_bytes(page_size << order);
    return nullptr;
  }
  (*frame)->owner = payer;
  blocks.fetch_add(1, std::memory_order_relaxed);
  return (*frame)->data();
}

void give_frames(Frame& frame) {
  GuestMemory* payer = frame.owner;
  const std::size_t bytes = page_size << frame.order;
  blocks.fetch_sub(1, std::memory_order_relaxed);
  frames::give(&frame);
  if (payer) payer->uncharge_bytes(bytes);
}

}  // namespace

void* take(std::size_t size, std::size_t alignment) {
  if (alignment <= 16 && size <= largest) [[likely]]
    return caches[cache_for[(size + 15) / 16]].take();
  if (alignment <= 64)
    for (std::size_t i = 0; i < std::size(sizes); ++i)
      if (sizes[i] >= size && sizes[i] % alignment == 0) return caches[i].take();
  return size > std::size_t{1} << 40 ? nullptr : take_frames(size ? size : 1);
}

void give(void* block) {
  if (!block) return;
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  if (address % page_size == 0) return give_frames(*Frame::of(block));
  ObjectCache::owner_of_page(reinterpret_cast<void*>(page_floor(address))).give(block);
}

std::uint64_t live_blocks() { return blocks.load(std::memory_order_relaxed); }

}  // namespace cv6::heap
