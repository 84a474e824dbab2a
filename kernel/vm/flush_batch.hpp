// Changes of one page table that processors must hear of, and frames that may go only after that. One flush for many
// changes: when the batch ends, or when it is full. Ends before the page table's lock is released, or after; waiting
// for other processors is fine under spin locks, because who waits for a spin lock answers meanwhile (arch::relax()).
//
// A batch answers for what it finds changed, too: where another thread has hidden, moved or protected a page and not flushed
// yet, processors may still use the translation that was there, though the entry does not show it any more. So when a batch ends,
// all that was changed before it in this table has been flushed.
#pragma once

#include "vm/page_table.hpp"

namespace cv6 {

class FlushBatch {
 public:
  explicit FlushBatch(PageTable& table) : table_(table) {}
  ~FlushBatch() {
    if (count_ != 0 || changed() || others_are_late()) flush();
  }
  FlushBatch(const FlushBatch&) = delete;
  FlushBatch& operator=(const FlushBatch&) = delete;

  // The translation of this page is not what it was.
  void add(std::uintptr_t address) {
    if (!changed()) table_.unflushed.fetch_add(1, std::memory_order_relaxed);
    if (address < start_) start_ = address;
    if (address + page_size > end_) end_ = address + page_size;
  }
  // One user of `frame` less, once nobody can reach it.
  void release(Frame& frame) {
    if (count_ == capacity) flush();
    frames_[count_++] = &frame;
  }
  void flush();

 private:
  bool changed() const { return start_ < end_; }
  // Seen by who has had the table's lock since they made their changes. Afterwards they have flushed.
  bool others_are_late() const { return table_.unflushed.load(std::memory_order_acquire) > (changed() ? 1u : 0u); }

  static constexpr unsigned capacity = 64;
  PageTable& table_;
  std::uintptr_t start_ = UINTPTR_MAX;
  std::uintptr_t end_ = 0;
  unsigned count_ = 0;
  Frame* frames_[capacity];
};

}  // namespace cv6
