// The first serial port, COM1, where the log goes (National Semiconductor 16550).
#pragma once

namespace cv6::arch {

void start_serial();

}  // namespace cv6::arch
