// The memory of one container: what its guest-physical addresses (GPA) stand for, and what it is charged.
//
// Every page that a container's processes cause to be used is a frame of its GuestMemory: it gets the lowest free
// number there (GPA >> page_shift), and the table number -> Frame is the GPA -> HVA/HPA translation and the accounting
// in one. The host's memory has no table: there GPA is HPA. (A number that has been used is preferred to one that has
// not; among them the one given back last, which costs nothing to find.)
//
// Charges follow the tree: a frame of a container is counted in it and in everything above it; each level may have a
// limit. At a limit, take() fails with Error::nomem and the refusal is counted where it happened.
//
// A GuestMemory lives until its last Ref is gone and its last frame has been given back: frames that others still share
// (pages of a file, for instance) stay charged to it and to its parents.
#pragma once

#include "mm/frame.hpp"
#include "mm/guest_table.hpp"
#include "mm/object_cache.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

struct MemoryCounters {
  std::uint64_t pages = 0;        // now
  std::uint64_t peak_pages = 0;   // ever; not counted for the host
  std::uint64_t limit_pages = 0;  // UINT64_MAX: none
  std::uint64_t refusals = 0;     // take() or charge() that failed at this level
  std::uint64_t victims = 0;      // processes that were ended because this level was at its limit
  std::uint64_t own_bytes = 0;    // of `pages`: small things, by the byte
  std::uint64_t own_frames = 0;   // of `pages`: frames with a number here; not counted for the host
};

// What is known of a frame, for those who show it. It was so at one moment.
struct FrameFacts {
  std::uint32_t number = 0;        // HPA >> page_shift
  std::uint32_t guest_number = 0;  // GPA >> page_shift, in the owner's memory
  FrameUse use = FrameUse::reserved;
  std::uint32_t users = 0;   // page table entries and page caches that use it
  std::uint32_t caches = 0;  // of these, the caches (file pages only)
  Ref<GuestMemory> owner;    // null: the kernel

  // The frame must be kept from going meanwhile: by an entry that cannot change now.
  static FrameFacts of(const Frame& frame) { return of(frame, frame.owner); }
  // The same of a frame that may be given back and taken by others meanwhile: it is `owner`'s, or was.
  static FrameFacts of(const Frame& frame, GuestMemory* owner);
};

class GuestMemory : public Counted<GuestMemory>, public Cached<GuestMemory, "guest_memory"> {
 public:
  // The root of the tree, for the host: without limit, GPA = HPA.
  static GuestMemory& host();
  static Result<Ref<GuestMemory>> create(GuestMemory& parent, std::uint64_t limit_pages);
  ~GuestMemory();

  // One page with one user. Error::nomem: the limit, or the machine's end.
  Result<FrameRef> take(FrameUse use, Fill fill) { return FrameRef::adopt(TRY(take_frame(use, fill))); }
  // The same, for paths so hot that the count is better kept by hand.
  Result<Frame*> take_frame(FrameUse use, Fill fill);

  // For kernel memory used on behalf of the container that is not whole frames of its own. Who charges keeps a Ref
  // until it uncharges.
  Result<void> charge(std::uint64_t pages);
  void uncharge(std::uint64_t pages);

  // The same for small things, by the byte: a page is charged for every page full of them. While there are any, they hold
  // this object. See mm/payer.hpp.
  Result<void> charge_bytes(std::size_t bytes) {
    const std::uint64_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before == 0) hold();
    const std::uint64_t pages = pages_for(before + bytes) - pages_for(before);
    if (pages == 0) [[likely]] return {};
    return charge_pages_of_bytes(bytes, pages);
  }
  void uncharge_bytes(std::size_t bytes) {
    std::uint64_t before = bytes_.load(std::memory_order_relaxed);
    do {
      if ((before - 1) % page_size < bytes) [[unlikely]]
        return uncharge_pages_of_bytes(bytes);  // a page less; always, if these are the last
    } while (!bytes_.compare_exchange_weak(before, before - bytes, std::memory_order_acq_rel));
  }

  // The frame behind a guest-physical page; null if there is none. For showing only: it may go at any time.
  Frame* frame_at(std::uint32_t guest_number);
  // The frame with the lowest number from `from` on. False: there is none any more.
  bool next_frame(std::uint32_t from, FrameFacts& facts);

  MemoryCounters counters() const;
  void set_limit(std::uint64_t pages);
  // The lowest level from here up at which nothing, or next to nothing, can be taken. Null: none.
  const GuestMemory* level_at_limit() const;
  void note_victim() { victims_.fetch_add(1, std::memory_order_relaxed); }
  GuestMemory* parent() const { return parent_.get(); }
  // Who pays for the kernel's objects (mm/payer.hpp): not the host. It has no limit, and all that nobody pays for is its own.
  GuestMemory* as_payer() { return parent_ ? this : nullptr; }
  bool is_or_is_below(const GuestMemory& other) const;
  // Whose memory it is, for those who show it: the id of its container, or nobody's any more.
  static constexpr int nobody = -2;
  static constexpr int as_parent = -3;  // a part of the memory above, with a limit of its own
  int container_id() const {
    const int id = container_id_.load(std::memory_order_relaxed);
    return id == as_parent ? parent_->container_id() : id;
  }
  void set_container_id(int id) { container_id_.store(id, std::memory_order_relaxed); }

  // --- for the allocator ---
  void give_back(Frame& frame);  // Frame::last_user_gone
  // Takes in a frame that is in use already; only the host's memory can.
  void adopt(Frame& frame);

 private:
  friend class FrameBatch;
  constexpr GuestMemory() = default;
  // The frame's number is free again, but it is still charged.
  void forget(Frame& frame);
  // `count` frames less; the last of them ends the life of a GuestMemory that nobody refers to any more.
  void frames_gone(std::uint64_t count);
  Result<void> number(Frame& frame);
  void note_peak();
  // Past every limit: for what cannot be refused any more.
  void charge_anyway(std::uint64_t pages);
  Result<void> charge_pages_of_bytes(std::size_t bytes, std::uint64_t pages);
  void uncharge_pages_of_bytes(std::size_t bytes);

  Ref<GuestMemory> parent_;  // null: the host's
  std::atomic<std::uint64_t> pages_{0};
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<std::uint64_t> limit_{UINT64_MAX};
  std::atomic<std::uint64_t> refusals_{0};
  std::atomic<std::uint64_t> bytes_{0};  // of small things of its own. While there are any: one Ref
  std::atomic<std::uint64_t> victims_{0};
  std::atomic<int> container_id_{as_parent};
  std::atomic<std::uint64_t> frames_{0};  // frames of its own; not counted for the host. While there are any: one Ref
  Guarded<GuestTable, Rank::guest_memory> table_;
};

// Gives back many frames at once: the owner is uncharged once for each run of frames with the same one.
class FrameBatch {
 public:
  FrameBatch() = default;
  ~FrameBatch() { settle(); }
  FrameBatch(const FrameBatch&) = delete;
  FrameBatch& operator=(const FrameBatch&) = delete;

  // One user of `frame` less, who knows what it holds.
  void release(Frame& frame, Fill contents = Fill::garbage) {
    if (frame.users.fetch_sub(1, std::memory_order_acq_rel) == 1) last_user_gone(frame, contents);
  }

 private:
  void last_user_gone(Frame& frame, Fill contents);
  void settle();

  GuestMemory* owner_ = nullptr;
  std::uint64_t count_ = 0;
};

}  // namespace cv6
