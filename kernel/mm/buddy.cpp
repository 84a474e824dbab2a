#include "mm/buddy.hpp"

#include <bit>

#include "lib/panic.hpp"

namespace cv6 {

void Buddy::push(std::uint32_t number, unsigned order) {
  Frame& frame = array_[number];
  frame.users.store(0, std::memory_order_relaxed);
  frame.order = static_cast<std::uint8_t>(order);
  frame.set_use(FrameUse::free);
  frame.previous = 0;
  frame.next = heads_[order];
  if (frame.next) array_[frame.next].previous = number;
  heads_[order] = number;
}

void Buddy::remove(std::uint32_t number, unsigned order) {
  const Frame& frame = array_[number];
  if (frame.previous)
    array_[frame.previous].next = frame.next;
  else
    heads_[order] = frame.next;
  if (frame.next) array_[frame.next].previous = frame.previous;
}

void Buddy::add(std::uint32_t first, std::uint32_t end) {
  CV6_ASSERT(first != 0 && end <= count_);
  while (first < end) {
    unsigned order = static_cast<unsigned>(std::countr_zero(first));
    if (order > max_order) order = max_order;
    while ((1u << order) > end - first) --order;
    give(&array_[first], order);
    first += 1u << order;
  }
}

Frame* Buddy::take(unsigned order) {
  unsigned found = order;
  while (found <= max_order && heads_[found] == 0) ++found;
  if (found > max_order) return nullptr;
  const std::uint32_t number = heads_[found];
  remove(number, found);
  while (found > order) {
    --found;
    push(number + (1u << found), found);
  }
  array_[number].set_use(FrameUse::cached);  // while the lock is held: neighbours must not find it free
  free_frames_ -= std::uint64_t{1} << order;
  return &array_[number];
}

void Buddy::give(Frame* block, unsigned order) {
  free_frames_ += std::uint64_t{1} << order;
  std::uint32_t number = static_cast<std::uint32_t>(block - array_);
  for (; order < max_order; ++order) {
    const std::uint32_t neighbour = number ^ (1u << order);
    if (neighbour >= count_ || !array_[neighbour].is(FrameUse::free) || array_[neighbour].order != order) break;
    remove(neighbour, order);
    number &= ~(1u << order);
  }
  push(number, order);
}

}  // namespace cv6
