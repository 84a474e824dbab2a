// The kernel's command line: NAME=VALUE and NAME, separated by blanks.
//
//   init=PATH            the first process; default /init
//   cv6.self-check       no processes: threads of the kernel's own run for a moment, then the machine is powered off
//   virtio_mmio.device=  a device (dev/virtio_mmio.cpp)
// Whatever else there is gets a line in the log.
#pragma once

#include <string_view>

namespace cv6 {

struct Options {
  std::string_view init = "/init";
  bool self_check = false;
};

Options read_options(std::string_view command_line);

}  // namespace cv6
