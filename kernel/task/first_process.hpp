// Where processes begin: called by boot/ when everything else works.
#pragma once

#include <span>
#include <string_view>

#include "lib/result.hpp"

namespace cv6 {

// Makes task/ ready. Error::nomem.
Result<void> initialise_tasks();

// The host's first process, number 1: `path` in the host's root, with `console` (may be empty) opened as descriptors 0, 1
// and 2. Runs as soon as the scheduler does. When it ends, the machine is powered off. Errors as of exec and open.
Result<void> start_first_process(std::string_view path, std::span<const std::string_view> arguments,
                                 std::span<const std::string_view> environment, std::string_view console);

}  // namespace cv6
