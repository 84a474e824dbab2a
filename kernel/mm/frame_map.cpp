#include "mm/frame_map.hpp"

namespace cv6 {

namespace {

constexpr std::uint64_t most_frames = UINT32_MAX;  // frame numbers have 32 bits: 16 TiB

std::uint32_t frame_number(std::uint64_t pages) {
  return static_cast<std::uint32_t>(pages < most_frames ? pages : most_frames);
}

}  // namespace

void FrameMap::Spans::add(Span span) {
  if (span.first >= span.end) return;
  unsigned at = 0;
  while (at < count && spans[at].end < span.first) ++at;
  // All that touch become one.
  unsigned merged = at;
  for (; merged < count && spans[merged].first <= span.end; ++merged) {
    if (spans[merged].first < span.first) span.first = spans[merged].first;
    if (spans[merged].end > span.end) span.end = spans[merged].end;
  }
  if (merged == at && count == capacity) {
    complete = false;
    return;
  }
  const unsigned removed = merged - at;
  if (removed == 0)
    for (unsigned i = count; i > at; --i) spans[i] = spans[i - 1];
  else
    for (unsigned i = merged; i < count; ++i) spans[i - removed + 1] = spans[i];
  count = count + 1 - removed;
  spans[at] = span;
}

FrameMap::FrameMap(std::span<const frames::Range> usable, std::span<const frames::Range> reserved) {
  for (const auto& range : usable)
    usable_.add({frame_number(pages_for(range.start)), frame_number(range.end >> page_shift)});
  for (const auto& range : reserved)
    busy_.add({frame_number(range.start >> page_shift), frame_number(pages_for(range.end))});
  busy_.add({0, 1});  // frame 0 ends the free lists
  if (usable_.count) frame_count_ = usable_.spans[usable_.count - 1].end;
}

Result<arch::PhysicalAddress> FrameMap::place_array() {
  // Usable ranges that did not fit are memory not used; a reserved one that did not fit would be overwritten.
  if (!busy_.complete) return Error::nomem;
  const auto pages = frame_number(pages_for(std::uint64_t{frame_count_} * sizeof(Frame)));
  Span place;
  for_each([&](Part part, std::uint32_t first, std::uint32_t end) {
    if (part == Part::free && !place.end && end - first >= pages) place = {first, first + pages};
  });
  if (!place.end) return Error::nomem;
  busy_.add(place);
  if (!busy_.complete) return Error::nomem;
  return arch::PhysicalAddress{place.first} << page_shift;
}

}  // namespace cv6
