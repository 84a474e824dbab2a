// What the pages of the machine are at boot: free, busy (reserved ranges, the Frame array), or not memory at all. Made
// from the ranges that the firmware and the loader report, which may be unordered, overlap, and end inside pages.
#pragma once

#include <span>

#include "mm/frame.hpp"

namespace cv6 {

class FrameMap {
 public:
  FrameMap(std::span<const frames::Range> usable, std::span<const frames::Range> reserved);

  // Frames from 0 to the last usable one.
  std::uint32_t frame_count() const { return frame_count_; }
  // Finds room for the Frame array, which is busy from then on. Error::nomem: none, or too many ranges.
  Result<arch::PhysicalAddress> place_array();

  // Visits the parts in order: visit(part, first frame, end). Frames of `busy` parts, and those of holes that lie near
  // memory, must be initialised; big holes are not visited whole, since nobody looks at their Frames.
  enum class Part : std::uint8_t { free, busy };
  template <class Visit>
  void for_each(Visit visit) {
    std::uint32_t at = 0;
    for (unsigned i = 0; i < usable_.count; ++i) {
      const Span memory = usable_.spans[i];
      visit_hole(at, memory.first, visit);
      at = memory.first;
      for (unsigned j = 0; j < busy_.count && at < memory.end; ++j) {
        const Span busy = busy_.spans[j].within(at, memory.end);
        if (busy.first >= busy.end) continue;
        if (at < busy.first) visit(Part::free, at, busy.first);
        visit(Part::busy, busy.first, busy.end);
        at = busy.end;
      }
      if (at < memory.end) visit(Part::free, at, memory.end);
      at = memory.end;
    }
  }

 private:
  struct Span {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
    Span within(std::uint32_t from, std::uint32_t to) const {
      return {first > from ? first : from, end < to ? end : to};
    }
  };
  // In order, without overlaps.
  struct Spans {
    static constexpr unsigned capacity = 128;
    Span spans[capacity];
    unsigned count = 0;
    bool complete = true;  // false: there were more
    void add(Span span);
  };

  template <class Visit>
  static void visit_hole(std::uint32_t first, std::uint32_t end, Visit visit) {
    constexpr std::uint32_t near = 1024;  // the largest block: as far as the allocator looks beside a free one
    if (end - first <= 2 * near) {
      if (first < end) visit(Part::busy, first, end);
      return;
    }
    visit(Part::busy, first, first + near);
    visit(Part::busy, end - near, end);
  }

  Spans usable_;
  Spans busy_;
  std::uint32_t frame_count_ = 0;
};

}  // namespace cv6
