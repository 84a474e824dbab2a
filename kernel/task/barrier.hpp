// A barrier between processes: each that comes waits until a number of them have come; then all go on, and it begins again.
// A process that is ended while it waits counts no more.
#pragma once

#include "lib/ref.hpp"
#include "mm/payer.hpp"
#include "sched/wait_queue.hpp"

namespace cv6 {

class Barrier : public Counted<Barrier>, public Charged<Barrier, "barrier"> {
 public:
  explicit Barrier(unsigned parties) : parties_(parties) {}

  // Error::restart_if_asked: interrupted; it is as if the caller had not come.
  Result<void> wait();

 private:
  const unsigned parties_;
  SpinLock lock_{Rank::futex};
  unsigned arrived_ GUARDED_BY(lock_) = 0;
  std::uint64_t round_ GUARDED_BY(lock_) = 0;
  WaitQueue waiters_;
};

}  // namespace cv6
