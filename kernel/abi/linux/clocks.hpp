// Which clocks there are and what they show: clock_gettime(2). Besides the named ones, a negative clock id names the CPU
// time of a process or thread (clock_getcpuclockid(3)): ~number << 3, in the low bits 2 for CPU time, 4 for a thread.
#pragma once

#include "abi/context.hpp"
#include "abi/linux/times.hpp"

namespace cv6::linux_abi {

// Error::inval: no such clock (or process, or one that is not to be seen).
Result<Nanoseconds> clock_now(const Context& context, int clock);

// On what a wait by that clock waits: all but CPU time follow one of these two.
enum class WaitClock : std::uint8_t { monotonic, real_time };
// Error::inval: no such clock; Error::opnotsupp: one that cannot be waited for.
Result<WaitClock> wait_clock(int clock);
// The moment on the monotonic clock when that clock will show `time`.
Nanoseconds monotonic_deadline(WaitClock clock, Nanoseconds time);

}  // namespace cv6::linux_abi
