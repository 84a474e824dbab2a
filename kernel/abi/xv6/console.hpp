// The console of an xv6 program's container: where the kernel prints what a call asks for, and what the device `console` is.
#pragma once

#include <string_view>

#include "task/process.hpp"

namespace cv6::xv6_abi {

// Where what is written to it is seen, and kept in the container's log. On the host, and in a container without a console: the
// terminal, or where the process itself prints. Error::nxio: nowhere; nomem.
Result<Ref<File>> open_console_of(const Process& process);

// A line of the calling process's container. It waits, where others are slow. Error::restart_if_asked and those of a write.
Result<void> print_line(File& console, std::string_view line);

}  // namespace cv6::xv6_abi
