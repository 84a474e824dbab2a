// The real-time clock (CLOCK_REALTIME): what files are stamped with and what clock_gettime(2) says. The monotonic clock
// plus an offset, which clock_settime(2) changes.
#pragma once

#include "lib/units.hpp"

namespace cv6 {

Nanoseconds real_time_now();              // since 1970
void set_real_time(Nanoseconds now);      // from now on

}  // namespace cv6
