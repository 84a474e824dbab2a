// The machine's memory: one Frame for each page of it.
//
// A frame is free (in the allocator), or has one owner that is charged for it (a container's GuestMemory, or the
// kernel), and a count of users: each page table entry that maps it for a program, and each page cache that holds it,
// is one. The last user gives it back to its owner. A frame with more than one user is not written: whoever wants to
// write copies it first, unless the users are mappings of one file that share it on purpose.
//
// The allocator is a binary buddy system with a small cache of single frames for each processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "arch/mmu.hpp"
#include "lib/ref.hpp"
#include "lib/result.hpp"
#include "lib/units.hpp"

namespace cv6 {

class GuestMemory;

// `reserved` is 0, so that a zeroed Frame is never taken for a free one.
// `free`: in the buddy system, and nowhere else, since neighbours look at it under the buddy system's lock only;
// `cached`: free as well, but at hand for one processor.
enum class FrameUse : std::uint8_t { reserved, free, cached, kernel, page_table, user_page, file_page };

// What a frame holds, or is wanted to hold.
enum class Fill : std::uint8_t { zero, garbage };

struct Frame {
  std::atomic<std::uint32_t> users{0};
  FrameUse use = FrameUse::reserved;
  std::uint8_t order = 0;          // of the block this frame begins
  std::uint16_t slot = 0;          // page tables: which entry of the table above leads here
  GuestMemory* owner = nullptr;    // who is charged; null: the kernel
  std::uint32_t guest_number = 0;  // its number in the owner's guest-physical memory (GPA >> page_shift)
  std::uint32_t next = 0;  // links by frame number: of the free lists while free, else of whoever uses the frame
  std::uint32_t previous = 0;
  // File pages: how many index leaves hold it (vm/page_index.hpp); 1: it is one file's. Page tables: the table above.
  std::atomic<std::uint32_t> caches{0};

  inline std::uint32_t number() const;  // physical address >> page_shift
  arch::PhysicalAddress physical() const { return static_cast<arch::PhysicalAddress>(number()) << page_shift; }
  void* data() const { return arch::direct(physical()); }  // through the direct map
  inline static Frame* numbered(std::uint32_t number);
  static Frame* of(arch::PhysicalAddress physical) {
    return numbered(static_cast<std::uint32_t>(physical >> page_shift));
  }
  static Frame* of(const void* direct_address) { return of(arch::physical_of(direct_address)); }

  bool in_use() const { return use > FrameUse::cached; }
  // For those who look while others may change it: neighbours in the buddy system, and faults before they take the
  // lock.
  void set_use(FrameUse now) { std::atomic_ref(use).store(now, std::memory_order_relaxed); }
  bool is(FrameUse what) const {
    return std::atomic_ref(const_cast<FrameUse&>(use)).load(std::memory_order_relaxed) == what;
  }

  void hold() { users.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) last_user_gone();
  }
  bool shared() const { return users.load(std::memory_order_acquire) > 1; }

 private:
  void last_user_gone();  // to the owner, and from there to the allocator
};
static_assert(sizeof(Frame) == 32);

namespace frames {
extern Frame* array;  // one Frame for each page of the machine, by number; set by initialise()
extern std::uint32_t array_size;
}  // namespace frames

std::uint32_t Frame::number() const { return static_cast<std::uint32_t>(this - frames::array); }
Frame* Frame::numbered(std::uint32_t number) { return frames::array + number; }

// One user's hold on a frame.
class FrameRef {
 public:
  constexpr FrameRef() = default;
  // Takes over one count that somebody already holds.
  static FrameRef adopt(Frame* frame) {
    FrameRef ref;
    ref.frame_ = frame;
    return ref;
  }
  FrameRef(const FrameRef& other) : frame_(other.frame_) {
    if (frame_) frame_->hold();
  }
  FrameRef(FrameRef&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  FrameRef& operator=(FrameRef other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~FrameRef() {
    if (frame_) frame_->release();
  }
  Frame* leak() { return std::exchange(frame_, nullptr); }
  Frame* get() const { return frame_; }
  Frame* operator->() const { return frame_; }
  explicit operator bool() const { return frame_ != nullptr; }
  void* data() const { return frame_->data(); }

 private:
  Frame* frame_ = nullptr;
};

// The allocator, for the kernel's own needs. What a program causes to be allocated goes through its container's
// GuestMemory instead, which charges it.
namespace frames {

struct Counts {
  std::uint64_t total = 0;  // frames that the allocator manages, in use or not
  std::uint64_t free = 0;
};

// 2^order frames in a row; users is 1, owner null. Error::nomem.
Result<Frame*> take(unsigned order, FrameUse use, Fill fill);
// All of the block that take() returned. Fill::zero: it is a single frame and all zero, which the next one to want such
// a frame is spared making.
void give(Frame* block, Fill contents = Fill::garbage);

// One page of zeros that everybody may map or read and nobody writes: the kernel keeps it for ever.
FrameRef zero_page();
bool is_zero_page(const Frame& frame);

Counts counts();

// At boot: the Frame array is put into the memory it describes. `range_count` usable ranges; `reserved` are inside
// them.
struct Range {
  arch::PhysicalAddress start = 0;
  arch::PhysicalAddress end = 0;
};
// Error::nomem when there is not enough to work with.
Result<void> initialise(const Range* usable, unsigned usable_count, const Range* reserved, unsigned reserved_count);
// Gives a reserved range to the allocator (boot code, unpacked parts of the initramfs). Page-aligned.
void free_reserved(Range range);
// Turns a reserved page into a page in use with one user: the initramfs' pages become file pages in place. `owner` must
// be the host's memory (others number their frames, which can fail).
FrameRef adopt_reserved(arch::PhysicalAddress page, GuestMemory& owner);

}  // namespace frames

}  // namespace cv6
