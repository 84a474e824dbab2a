// The memory of one container: what its guest-physical addresses (GPA) stand for, and what it is charged.
//
// Every page that a container's processes cause to be used is a frame of its GuestMemory: it gets the lowest free number
// there (GPA >> page_shift), and the table number -> Frame is the GPA -> HVA/HPA translation and the accounting in one.
// The host's memory has no table: there GPA is HPA.
//
// Charges follow the tree: a frame of a container is counted in it and in everything above it; each level may have a
// limit. At a limit, take() fails with Error::nomem and the refusal is counted where it happened.
#pragma once

#include "mm/frame.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

struct MemoryCounters {
  std::uint64_t pages = 0;       // now
  std::uint64_t peak_pages = 0;  // ever
  std::uint64_t limit_pages = 0; // UINT64_MAX: none
  std::uint64_t refusals = 0;    // take() or charge() that failed at this level
};

class GuestMemory : public Counted<GuestMemory> {
 public:
  // The root of the tree, for the host: without limit, GPA = HPA.
  static GuestMemory& host();
  static Result<Ref<GuestMemory>> create(GuestMemory& parent, std::uint64_t limit_pages);
  ~GuestMemory();

  // One page with one user. Error::nomem: the limit, or the machine's end.
  Result<FrameRef> take(FrameUse use, Fill fill);

  // For kernel memory used on behalf of the container that is not whole frames of its own.
  Result<void> charge(std::uint64_t pages);
  void uncharge(std::uint64_t pages);

  // The frame behind a guest-physical page; null if there is none. For showing only: it may go at any time.
  Frame* frame_at(std::uint32_t guest_number);

  MemoryCounters counters() const;
  void set_limit(std::uint64_t pages);
  GuestMemory* parent() const { return parent_.get(); }

  // --- for Frame::last_user_gone ---
  void give_back(Frame& frame);

 private:
  // (owner of mm/ completes: guest frame table, counters)
  Ref<GuestMemory> parent_;
};

}  // namespace cv6
