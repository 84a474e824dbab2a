// The clock's parts that only boot and the interrupt code need: see clock.cpp.
#pragma once

namespace cv6::arch {

void start_clock();      // as early as possible, on the first processor
void calibrate_clock();  // as late as possible before the timer is used
void handle_timer_interrupt();

}  // namespace cv6::arch
