// The real-time clock (CLOCK_REALTIME): what files are stamped with and what clock_gettime(2) says. The monotonic clock
// plus an offset, which clock_settime(2) changes.
#pragma once

#include "lib/list.hpp"
#include "lib/result.hpp"
#include "lib/units.hpp"
#include "mm/frame.hpp"

namespace cv6 {

Nanoseconds real_time_now();              // since 1970
void set_real_time(Nanoseconds now);      // from now on; may block

// What has to know when the clock is set: told, by the thread that does it, between begin_watching() and end_watching().
class ClockWatch {
 public:
  virtual void clock_was_set() = 0;  // no watch comes or goes meanwhile
  ListNode clock_node;

 protected:
  ~ClockWatch() = default;
  void begin_watching();
  void end_watching();  // also of one that never began
};

// The page by which programs read both clocks themselves (ClockPage), kept up to date from now on. Once, at boot, when
// the clock is calibrated. Error::nomem.
Result<FrameRef> make_clock_page();

}  // namespace cv6
