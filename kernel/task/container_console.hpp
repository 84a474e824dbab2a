// Where the kernel tells a container's people something, a line at a time: on the container's console. A container that has
// none attached is heard on the terminal that it was started from; without one, on the process's standard error if that
// leads out of the container (a device or a pipe).
#pragma once

#include <string_view>

#include "fs/file.hpp"

namespace cv6 {

class Container;

// What the calling process has for a container without a console; null: nothing.
Ref<File> find_substitute_console();
// Never waits: what does not fit now is lost.
void print_on_console(Container& container, File* substitute, std::string_view line);
// By the calling process, for its container.
void print_on_console(std::string_view line);

}  // namespace cv6
