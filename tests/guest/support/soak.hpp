#pragma once
// How often a test does what it does again and again.

#include <cstdlib>

namespace cv6::guest {

// So often; with CV6_SOAK=1 (`./cv6 test soak`) `soak` times.
inline int times(int usual, int soak = 10'000) { return std::getenv("CV6_SOAK") ? soak : usual; }

}  // namespace cv6::guest
