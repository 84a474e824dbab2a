// Memory of any size for the kernel's own use: what `new (std::nothrow)` and `delete` are made of in the kernel
// (operator_new.cpp). Up to half a page it comes from caches of round sizes, above that in whole frames.
//
// Where a block came from can be told from its address: slabs of the round sizes are single pages that begin with a
// header, so only blocks of whole frames begin at a page.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::heap {

// Aligned to `alignment` (a power of two, at most a page). nullptr: no memory.
void* take(std::size_t size, std::size_t alignment = 16);
void give(void* block);  // nullptr: nothing

// Blocks of whole frames that are in use.
std::uint64_t live_blocks();

}  // namespace cv6::heap
