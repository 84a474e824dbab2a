#include "task/standstill.hpp"

namespace cv6 {

Result<void> Standstill::begin() {
  Process& process = mover_.process();
  if (process.single_threaded()) return {};
  {
    SpinGuard guard(process.lock());
    if (process.ending() || process.executing || process.moving) return Error::restart_if_asked;
    process.moving = &mover_;
    begun_ = true;
    for (UserThread& thread : process.threads)
      if (&thread != &mover_) thread.notice_signals();
  }
  auto all_stand = [&] {
    SpinGuard guard(process.lock());
    return process.standing_threads + process.stopped_threads + 1 == process.thread_count() || process.ending();
  };
  if (!process.threads_changed.wait(all_stand) || process.ending()) return Error::restart_if_asked;
  return {};
}

Standstill::~Standstill() {
  if (!begun_) return;
  Process& process = mover_.process();
  SpinGuard guard(process.lock());
  process.moving = nullptr;
  process.continued.wake_all();
}

void stand_still(UserThread& thread) {
  Process& process = thread.process();
  {
    SpinGuard guard(process.lock());
    if (!must_stand_still(thread)) return;
    ++process.standing_threads;
    process.threads_changed.wake_all();
  }
  (void)process.continued.wait([&] { return !process.moving || process.ending(); }, Wait::uninterruptible);
  SpinGuard guard(process.lock());
  --process.standing_threads;
}

}  // namespace cv6
