// Where the kernel tells a container's people something, a line at a time: the terminal that the container was started
// from; without one, the process's standard error if that leads out of the container (a device or a pipe).
#pragma once

#include <string_view>

namespace cv6 {

// On the console of the calling process. Never waits: what does not fit now is lost.
void print_on_console(std::string_view lines);

}  // namespace cv6
