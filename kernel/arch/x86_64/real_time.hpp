// The battery clock.
#pragma once

#include "lib/units.hpp"

namespace cv6::arch {

// Since 1970, now; 0 if the machine does not know.
Nanoseconds read_real_time();

}  // namespace cv6::arch
