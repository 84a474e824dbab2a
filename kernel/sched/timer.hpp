// Something to be done at a time. A timer belongs to the processor that started it and runs there, with interrupts off,
// without locks, on whatever thread's stack: it must be short and must not block; usually it raises an Event or wakes.
#pragma once

#include "lib/tree.hpp"
#include "lib/units.hpp"

namespace cv6 {

class Timer {
 public:
  using Action = void (*)(Timer& timer);
  explicit Timer(Action action) : action_(action) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // (Re)starts it: `action` is called once when the monotonic clock has reached `deadline`.
  void start(Nanoseconds deadline);
  // After it returned, the action neither runs nor will run (unless cancel was called by the action itself). True: it
  // had not run yet.
  bool cancel();
  Nanoseconds deadline() const { return deadline_; }

  // For the scheduler's timer interrupt: runs what is due on this processor and sets its timer for the next.
  static void run_due(Nanoseconds now);
  // This processor gets a timer interrupt at `deadline` or earlier.
  static void wake_processor_by(Nanoseconds deadline);

 private:
  Action action_;
  Nanoseconds deadline_ = 0;
  unsigned cpu_ = 0;

 public:
  TreeNode node;  // in its processor's tree
};

}  // namespace cv6
