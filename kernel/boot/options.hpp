// The kernel's command line: NAME=VALUE and NAME, separated by blanks.
//
//   init=PATH            the first process; default /init
//   cv6.self-check       no processes: threads of the kernel's own run for a moment, then the machine is powered off
//   cv6.jitter=SEED      the debug build only: sync/jitter.hpp
//   virtio_mmio.device=  a device (dev/virtio_mmio.cpp)
// Whatever else there is gets a line in the log.
#pragma once

#include <cstdint>
#include <string_view>

namespace cv6 {

struct Options {
  std::string_view init = "/init";
  bool self_check = false;
  std::uint32_t jitter_seed = 0;
};

Options read_options(std::string_view command_line);

}  // namespace cv6
