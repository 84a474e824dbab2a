// The other threads of a process stand still, on their way to user mode, while one changes what all of them work with:
// where the process is (join, leave). None of them is inside a system call meanwhile, so none has looked up a name,
// taken a number or begun a child in the one place and goes on in the other.
//
// To the programs it is as if the threads had not got a processor for a while: an interrupted call begins again.
// Process::moving and standing_threads are covered by the process lock. Stopped threads (job_stops.hpp) stand as well.
#pragma once

#include "task/process.hpp"

namespace cv6 {

class Standstill {
 public:
  explicit Standstill(UserThread& mover) : mover_(mover) {}
  // The others go on.
  ~Standstill();
  Standstill(const Standstill&) = delete;
  Standstill& operator=(const Standstill&) = delete;

  // Returns when all others stand. Error::restart_if_asked: a signal came first, or another thread does the same or
  // execs.
  Result<void> begin();

 private:
  UserThread& mover_;
  bool begun_ = false;
};

// For a thread on its way to user mode.
inline bool must_stand_still(const UserThread& thread) {
  const UserThread* mover = thread.process().moving;
  return mover && mover != &thread;
}
void stand_still(UserThread& thread);

}  // namespace cv6
