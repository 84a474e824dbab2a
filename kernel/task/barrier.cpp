#include "task/barrier.hpp"

namespace cv6 {

Result<void> Barrier::wait() {
  std::uint64_t mine;
  {
    SpinGuard guard(lock_);
    mine = round_;
    if (++arrived_ == parties_) {
      arrived_ = 0;
      ++round_;
    }
  }
  const auto is_over = [&] {
    SpinGuard guard(lock_);
    return round_ != mine;
  };
  if (is_over()) {
    waiters_.wake_all();
    return {};
  }
  if (waiters_.wait(is_over)) return {};
  SpinGuard guard(lock_);
  if (round_ != mine) return {};
  --arrived_;
  return Error::restart_if_asked;
}

}  // namespace cv6
