// Makes allocations fail on purpose, so that tests can see every path that handles it: fail the first, the second, the
// third ... until an operation goes through. In the debug build and on the host; the release build has none of it.
#pragma once

#include <cstdint>

namespace cv6::allocation_failures {

#ifdef CV6_DEBUG
// The n-th allocation from now on (1: the next) fails, once; 0: none will.
void fail_nth(std::uint64_t n);
// True if an allocation has failed since fail_nth().
bool happened();
// Asked by each allocator, once for each allocation.
bool should_fail();
#else
constexpr bool should_fail() { return false; }
#endif

}  // namespace cv6::allocation_failures
