// This computer's time-stamp counter, which is also that of an emulated machine whose time is real.
#pragma once

namespace cv6::bench {

/// Its ticks in a nanosecond, measured once, which takes a tenth of a second.
double counter_gigahertz();

}  // namespace cv6::bench
