// The machine, as QEMU's command line.
//
// Besides processors and memory it has: COM1, which the kernel writes its log to; the exit device at port 0xf4, by
// which the kernel switches off (0: as asked, 1: after a panic); and one virtio-serial device with the named ports of
// host/protocol, each a socket whose other end the runner holds. The console is such a port as well, and not a
// "virtconsole": of those QEMU drops the output that cannot be passed on at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run/accelerator.hpp"
#include "run/options.hpp"

namespace cv6::host {

// QEMU's exit statuses after the kernel wrote to the exit device.
inline constexpr int status_switched_off = 1;
inline constexpr int status_panicked = 3;

struct Port {
  std::string name;
  int socket;  // QEMU's end; -1: what is written there is dropped, and nothing can be read
};

struct Machine {
  const Options& options;
  Accelerator accelerator;
  std::filesystem::path kernel;
  std::filesystem::path image;
  int kernel_log;                    // a descriptor that is open for writing
  std::filesystem::path gdb_socket;  // empty: no debugger
  std::vector<Port> ports;
};

std::vector<std::string> qemu_command(const Machine& machine);

}  // namespace cv6::host
