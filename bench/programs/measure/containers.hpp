// What more than one theme does with containers.
#pragma once

#include "harness.hpp"

namespace cv6::bench {

bool kernel_has_containers();

/// A container made and ended; where the kernel has none, what its programs put together for one.
Status create_and_destroy();

}  // namespace cv6::bench
