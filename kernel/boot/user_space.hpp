// The second half of the start: the host as a container, its files, and its first process.
#pragma once

#include "boot/options.hpp"
#include "lib/result.hpp"

namespace cv6 {

// When it returns, the first process is ready to run. On failure there is a line in the log that says what is missing.
Result<void> start_user_space(const Options& options);

}  // namespace cv6
