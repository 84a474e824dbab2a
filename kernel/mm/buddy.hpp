// A binary buddy system over an array of Frames: free blocks of 2^order frames, aligned to their size, in one list for
// each order. Giving a block back merges it with its free neighbour for as long as there is one (Knowlton, "A fast
// storage allocator", 1965). Everything is O(max_order).
//
// Only the first Frame of a block says what the block is. So the Frames inside a free block need not be initialised,
// and handing it many megabytes at boot touches a few cache lines. No locks here: the owner has one.
#pragma once

#include <cstdint>

#include "mm/frame.hpp"

namespace cv6 {

class Buddy {
 public:
  static constexpr unsigned max_order = 10;  // 4 MiB
  static constexpr std::uint32_t largest = 1u << max_order;

  constexpr Buddy() = default;
  // Frames 0 .. count - 1; none is free yet. Frame 0 never will be: its number ends the lists.
  void initialise(Frame* array, std::uint32_t count) {
    array_ = array;
    count_ = count;
  }
  // Frees first .. end - 1. Frames beside them must be initialised, free or not.
  void add(std::uint32_t first, std::uint32_t end);
  // nullptr: there is no block of this size. The block's first Frame is FrameUse::cached.
  Frame* take(unsigned order);
  void give(Frame* block, unsigned order);

  std::uint64_t free_frames() const { return free_frames_; }

 private:
  void push(std::uint32_t number, unsigned order);
  void remove(std::uint32_t number, unsigned order);

  Frame* array_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t heads_[max_order + 1] = {};
  std::uint64_t free_frames_ = 0;
};

}  // namespace cv6
