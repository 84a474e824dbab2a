// The texts of /proc/PID/mounts (fstab(5)) and /proc/PID/mountinfo (proc(5)).
#pragma once

#include <string_view>

#include "fs/types.hpp"
#include "lib/format.hpp"

namespace cv6::proc {

struct MountFacts {
  std::uint64_t id = 0, parent = 0;
  DeviceNumber device = 0;
  std::string_view source, place, type;
  std::uint32_t flags = 0;  // mount_flag
};
void print_mounts_line(Output& out, const MountFacts& facts);
void print_mountinfo_line(Output& out, const MountFacts& facts);

}  // namespace cv6::proc
