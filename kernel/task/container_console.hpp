// Where the kernel tells a container's people something, a line at a time: the container's console (container/console.hpp)
// and what is attached to it. With nothing attached, the terminal that the container was started from as well; without one,
// the process's standard error if that leads out of the container (a device or a pipe).
#pragma once

#include <string_view>

namespace cv6 {

// On the console of the calling process. Never waits: what does not fit now is lost.
void print_on_console(std::string_view lines);

}  // namespace cv6
