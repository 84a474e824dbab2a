#include "vm/flush_batch.hpp"

#include "arch/user_memory.hpp"

namespace cv6 {

void FlushBatch::flush() {
  if (others_are_late())
    table_.loaded.flush(0, arch::user_end);
  else if (changed())
    table_.loaded.flush(start_, end_);
  if (changed()) table_.unflushed.fetch_sub(1, std::memory_order_release);
  start_ = UINTPTR_MAX;
  end_ = 0;
  if (count_ == 0) return;
  FrameBatch batch;
  for (unsigned i = 0; i < count_; ++i) batch.release(*frames_[i]);
  count_ = 0;
}

}  // namespace cv6
