// All devices: found and started at boot.
#pragma once

namespace cv6 {

// With interrupts, memory and wait queues working. What cannot be used is left out, with a line in the log.
void start_devices();

}  // namespace cv6
