// Jitter, for tests: processors that stand still for a moment before they take a lock, and threads that give way where they
// might have to wait, as chance has it. What happens in one order on an idle machine happens in others too then. In the debug
// build, if the kernel's command line asks for it (cv6.jitter=SEED); the release build has none of it.
#pragma once

#include <cstdint>

namespace cv6::jitter {

#ifdef CV6_DEBUG
// At boot, before there are other processors. `seed`: what chance begins with; 0: no jitter.
void start(std::uint32_t seed);
// Before a spin lock is taken.
void stand_still();
// Whether the thread that is about to wait, or to begin a system call, should let another one run first.
bool wants_to_yield();
#else
inline void start(std::uint32_t) {}
constexpr bool wants_to_yield() { return false; }
#endif

}  // namespace cv6::jitter
