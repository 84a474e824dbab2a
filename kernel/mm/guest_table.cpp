#include "mm/guest_table.hpp"

#include "lib/panic.hpp"
#include "mm/payer.hpp"

namespace cv6 {

GuestTable::~GuestTable() {
  for (std::uint32_t* chunk : chunks_) frames::give(Frame::of(chunk));
}

Result<void> GuestTable::add_chunk() {
  // Charged by the page for itself; and it would never go if it were held by its own memory.
  const payer::Scope nobody(nullptr);
  TRY(chunks_.reserve(chunks_.size() + 1 <= chunks_.capacity() ? chunks_.capacity() : chunks_.capacity() * 2 + 2));
  Frame* frame = TRY(frames::take(0, FrameUse::kernel, Fill::garbage));
  return chunks_.push_back(static_cast<std::uint32_t*>(frame->data()));
}

Result<std::uint32_t> GuestTable::add(const Frame& frame) {
  std::uint32_t number = first_free_;
  if (number != none) {
    first_free_ = entry(number) & ~unused;
  } else {
    if (end_ == chunks_.size() * entries_per_chunk) TRY(add_chunk());
    number = end_++;
  }
  entry(number) = frame.number();
  return number;
}

void GuestTable::remove(std::uint32_t number) {
  CV6_ASSERT(number < end_ && !(entry(number) & unused));
  entry(number) = unused | first_free_;
  first_free_ = number;
}

Frame* GuestTable::find(std::uint32_t number) const {
  if (number >= end_ || (entry(number) & unused)) return nullptr;
  return Frame::numbered(entry(number));
}

Frame* GuestTable::next(std::uint32_t number) const {
  for (; number < end_; ++number)
    if (Frame* frame = find(number)) return frame;
  return nullptr;
}

}  // namespace cv6
