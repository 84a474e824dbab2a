#include "vm/flush_batch.hpp"

namespace cv6 {

void FlushBatch::flush() {
  if (start_ < end_) table_.loaded.flush(start_, end_);
  start_ = UINTPTR_MAX;
  end_ = 0;
  if (count_ == 0) return;
  FrameBatch batch;
  for (unsigned i = 0; i < count_; ++i) batch.release(*frames_[i]);
  count_ = 0;
}

}  // namespace cv6
