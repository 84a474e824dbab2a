// What a container's log of system calls counts and keeps, as box's words use it.
#pragma once

#include <cstdint>
#include <vector>

#include "cv6/container.hpp"

namespace cv6::box {

ContainerLog read_log_state(int id);
// Logs this as well (ContainerLog::counts, records, texts). Returns what it was before. Throws Failure.
ContainerLog add_to_log(int id, std::uint32_t what);
// As it was before; a container that is gone is passed over.
void restore_log(const ContainerLog& before);
// One for each place of a CallSet; none: nothing is counted.
std::vector<ContainerCallCount> read_counts(int id);

}  // namespace cv6::box
