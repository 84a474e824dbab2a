// For broken invariants only: what the kernel believed to be true is not. Bad input is never a reason.
#pragma once

#include <string_view>

namespace cv6 {

// Stops every processor and prints the message with the stack, the process and its last calls. Defined by boot/ in the
// kernel and by the test harness on the host.
[[noreturn]] void panic(std::string_view message, const char* file = __builtin_FILE(), int line = __builtin_LINE());

}  // namespace cv6

// Checked in every build: use where a false condition would corrupt something and the test is cheap.
#define CV6_ASSERT(condition) ((condition) ? (void)0 : ::cv6::panic("broken invariant: " #condition))

// Checked in the debug build only.
#ifdef CV6_DEBUG
#define CV6_DEBUG_ASSERT(condition) CV6_ASSERT(condition)
#else
#define CV6_DEBUG_ASSERT(condition) ((void)0)
#endif
