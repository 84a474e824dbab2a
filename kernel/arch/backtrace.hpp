// The calls that led here, for a panic.
#pragma once

#include <cstdint>
#include <span>

namespace cv6::arch {

// Return addresses, innermost first; from the code that faulted, if that is why we are here. Returns how many there are.
// Stops at whatever does not look like a kernel stack.
unsigned backtrace(std::span<std::uintptr_t> addresses);

}  // namespace cv6::arch
