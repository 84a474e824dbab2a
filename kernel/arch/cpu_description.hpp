// What a processor says of itself, as text in the lines of /proc/cpuinfo (proc(5)).
#pragma once

#include "lib/format.hpp"

namespace cv6::arch {

// The lines from "processor" to the empty one behind the last. All processors are of the kind of the calling one.
void describe_cpu(unsigned cpu, Output& out);

}  // namespace cv6::arch
