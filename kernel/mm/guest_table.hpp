// The numbers of a container's frames: guest frame number -> frame number, and which numbers are free.
//
// Chunks of one page each hold 1024 entries; an entry that is not in use links to the next free one. So taking and
// giving a number is O(1), and the table is as large as the container has ever been. No locks: the owner has one.
#pragma once

#include <cstdint>

#include "lib/vector.hpp"
#include "mm/frame.hpp"

namespace cv6 {

class GuestTable {
 public:
  GuestTable() = default;
  ~GuestTable();
  GuestTable(const GuestTable&) = delete;
  GuestTable& operator=(const GuestTable&) = delete;

  // A number for `frame`. Error::nomem: no memory for another chunk.
  Result<std::uint32_t> add(const Frame& frame);
  void remove(std::uint32_t number);
  // nullptr: the number is not in use.
  Frame* find(std::uint32_t number) const;
  // The frame with the lowest number in use from `number` on; nullptr: none.
  Frame* next(std::uint32_t number) const;
  // Pages that the table itself takes.
  std::uint64_t pages() const { return chunks_.size(); }

 private:
  static constexpr std::uint32_t entries_per_chunk = page_size / sizeof(std::uint32_t);
  static constexpr std::uint32_t unused = 1u << 31;  // in an entry: not a frame but the next free number
  static constexpr std::uint32_t none = unused - 1;

  std::uint32_t& entry(std::uint32_t number) const {
    return chunks_[number / entries_per_chunk][number % entries_per_chunk];
  }
  Result<void> add_chunk();

  Vector<std::uint32_t*> chunks_;
  std::uint32_t end_ = 0;  // numbers below have been used
  std::uint32_t first_free_ = none;
};

}  // namespace cv6
