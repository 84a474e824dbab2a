// Between the entry stubs and those who handle what they report.
#pragma once

namespace cv6::arch {

// An interrupt that is not an exception: interrupts.cpp.
void handle_interrupt(unsigned vector);

}  // namespace cv6::arch
