#include "mm/guest_memory.hpp"

namespace cv6 {

GuestMemory& GuestMemory::host() {
  [[clang::no_destroy]] static constinit GuestMemory host;
  return host;
}

Result<Ref<GuestMemory>> GuestMemory::create(GuestMemory& parent, std::uint64_t limit_pages) {
  auto* memory = new (std::nothrow) GuestMemory;
  if (!memory) return Error::nomem;
  memory->parent_ = Ref<GuestMemory>(&parent);
  memory->limit_.store(limit_pages, std::memory_order_relaxed);
  return Ref<GuestMemory>::adopt(memory);
}

GuestMemory::~GuestMemory() {
  const std::uint64_t table_pages = table_.with([](GuestTable& table) { return table.pages(); });
  uncharge(table_pages);
}

// The host, the last level, has no limit.
Result<void> GuestMemory::charge(std::uint64_t pages) {
  GuestMemory* level = this;
  for (; level->parent_; level = level->parent_.get()) {
    const std::uint64_t now = level->pages_.fetch_add(pages, std::memory_order_relaxed) + pages;
    if (now > level->limit_.load(std::memory_order_relaxed)) [[unlikely]] {
      level->refusals_.fetch_add(1, std::memory_order_relaxed);
      for (GuestMemory* undo = this;; undo = undo->parent_.get()) {
        undo->pages_.fetch_sub(pages, std::memory_order_relaxed);
        if (undo == level) return Error::nomem;
      }
    }
  }
  level->pages_.fetch_add(pages, std::memory_order_relaxed);
  for (level = this; level->parent_; level = level->parent_.get()) level->note_peak();
  return {};
}

// What was granted, only: a level above might have refused, and others may be over the limit for a moment, about to be
// refused. Two processors may both set the peak: the greater one must win.
void GuestMemory::note_peak() {
  const std::uint64_t pages = pages_.load(std::memory_order_relaxed);
  std::uint64_t peak = peak_.load(std::memory_order_relaxed);
  if (pages <= peak) return;
  const std::uint64_t limit = limit_.load(std::memory_order_relaxed);
  const std::uint64_t now = pages < limit ? pages : limit;
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void GuestMemory::uncharge(std::uint64_t pages) {
  for (GuestMemory* level = this; level; level = level->parent_.get())
    level->pages_.fetch_sub(pages, std::memory_order_relaxed);
}

void GuestMemory::charge_anyway(std::uint64_t pages) {
  for (GuestMemory* level = this; level; level = level->parent_.get())
    level->pages_.fetch_add(pages, std::memory_order_relaxed);
}

// The bytes are counted already. Others may have counted theirs meanwhile: so taking these back may make another number
// of pages superfluous than was to be charged.
Result<void> GuestMemory::charge_pages_of_bytes(std::size_t bytes, std::uint64_t pages) {
  const Result<void> charged = charge(pages);
  if (charged) return charged;
  const std::uint64_t before = bytes_.fetch_sub(bytes, std::memory_order_acq_rel);
  const std::uint64_t superfluous = pages_for(before) - pages_for(before - bytes);
  if (superfluous > pages)
    uncharge(superfluous - pages);
  else
    charge_anyway(pages - superfluous);
  if (before == bytes) release();
  return charged;
}

// Once the bytes are given back, others may give back the rest of them: they hold this object no more.
void GuestMemory::uncharge_pages_of_bytes(std::size_t bytes) {
  const Ref<GuestMemory> held(this);
  const std::uint64_t before = bytes_.fetch_sub(bytes, std::memory_order_acq_rel);
  uncharge(pages_for(before) - pages_for(before - bytes));
  if (before == bytes) release();
}

Result<void> GuestMemory::number(Frame& frame) {
  const Result<void> numbered = table_.with([&](GuestTable& table) -> Result<void> {
    const std::uint64_t pages = table.pages();
    frame.guest_number = TRY(table.add(frame));
    // The container pays for its table: 4 bytes a page. At the very limit it may go over it by one page.
    if (table.pages() != pages) charge_anyway(1);
    return {};
  });
  if (numbered && frames_.fetch_add(1, std::memory_order_relaxed) == 0) hold();
  return numbered;
}

Result<Frame*> GuestMemory::take_frame(FrameUse use, Fill fill) {
  TRY(charge(1));
  const Result<Frame*> taken = frames::take(0, use, fill);
  if (!taken) [[unlikely]] {
    uncharge(1);
    return taken.error();
  }
  Frame& frame = **taken;
  if (!parent_) {
    frame.guest_number = frame.number();
  } else if (const auto numbered = number(frame); !numbered) [[unlikely]] {
    frames::give(&frame);
    uncharge(1);
    return numbered.error();
  }
  frame.owner = this;
  return &frame;
}

void GuestMemory::adopt(Frame& frame) {
  CV6_ASSERT(!parent_);
  pages_.fetch_add(1, std::memory_order_relaxed);
  frame.guest_number = frame.number();
  frame.owner = this;
}

void GuestMemory::forget(Frame& frame) {
  if (parent_) table_.with([&](GuestTable& table) { table.remove(frame.guest_number); });
}

void GuestMemory::frames_gone(std::uint64_t count) {
  uncharge(count);
  if (parent_ && frames_.fetch_sub(count, std::memory_order_acq_rel) == count) release();
}

void GuestMemory::give_back(Frame& frame) {
  forget(frame);
  frames::give(&frame);
  frames_gone(1);
}

Frame* GuestMemory::frame_at(std::uint32_t guest_number) {
  if (parent_) return table_.with([&](GuestTable& table) { return table.find(guest_number); });
  if (guest_number >= frames::array_size) return nullptr;
  Frame* frame = Frame::numbered(guest_number);
  return frame->in_use() && frame->owner == this ? frame : nullptr;
}

bool GuestMemory::next_frame(std::uint32_t from, FrameFacts& facts) {
  const FrameFacts before = std::move(facts);  // what it holds goes after the lock
  if (parent_)
    return table_.with([&](GuestTable& table) {
      const Frame* frame = table.next(from);
      if (frame) facts = FrameFacts::of(*frame, this);
      return frame != nullptr;
    });
  for (; from < frames::array_size; ++from) {
    const Frame* frame = frame_at(from);
    if (!frame) continue;
    facts = FrameFacts::of(*frame, this);
    return true;
  }
  return false;
}

bool GuestMemory::is_or_is_below(const GuestMemory& other) const {
  const GuestMemory* at = this;
  while (at && at != &other) at = at->parent_.get();
  return at != nullptr;
}

FrameFacts FrameFacts::of(const Frame& frame, GuestMemory* owner) {
  return {.number = frame.number(),
          .guest_number = owner && owner->parent() ? frame.guest_number : frame.number(),
          .use = frame.use,
          .users = frame.users.load(std::memory_order_relaxed),
          .caches = frame.use == FrameUse::file_page ? frame.caches.load(std::memory_order_relaxed) : 0,
          .owner = Ref<GuestMemory>(owner)};
}

MemoryCounters GuestMemory::counters() const {
  return {.pages = pages_.load(std::memory_order_relaxed),
          .peak_pages = peak_.load(std::memory_order_relaxed),
          .limit_pages = limit_.load(std::memory_order_relaxed),
          .refusals = refusals_.load(std::memory_order_relaxed),
          .victims = victims_.load(std::memory_order_relaxed),
          .own_bytes = bytes_.load(std::memory_order_relaxed),
          .own_frames = frames_.load(std::memory_order_relaxed)};
}

const GuestMemory* GuestMemory::level_at_limit() const {
  constexpr std::uint64_t most_at_once = 8;  // what a page fault may ask for
  for (const std::uint64_t wanted : {std::uint64_t{1}, most_at_once})
    for (const GuestMemory* level = this; level; level = level->parent_.get()) {
      const std::uint64_t limit = level->limit_.load(std::memory_order_relaxed);
      if (limit != UINT64_MAX && level->pages_.load(std::memory_order_relaxed) + wanted > limit) return level;
    }
  return nullptr;
}

void GuestMemory::set_limit(std::uint64_t pages) {
  CV6_ASSERT(parent_);
  limit_.store(pages, std::memory_order_relaxed);
}

void FrameBatch::last_user_gone(Frame& frame, Fill contents) {
  if (frame.owner != owner_) {
    settle();
    owner_ = frame.owner;
  }
  if (owner_) {
    owner_->forget(frame);
    ++count_;
  }
  frames::give(&frame, contents);
}

void FrameBatch::settle() {
  if (count_) owner_->frames_gone(count_);
  owner_ = nullptr;
  count_ = 0;
}

}  // namespace cv6
