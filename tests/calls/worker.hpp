// What runs inside: processes that make calls until they are ended.
#pragma once

#include <cstdint>

namespace cv6::calls {

// Starts processes, one after the other, each of which makes calls from several threads, ends them when they do not end by
// themselves, and goes on until it is ended itself. Their calls follow from `seed`.
[[noreturn]] void keep_calling(std::uint64_t seed);

}  // namespace cv6::calls
