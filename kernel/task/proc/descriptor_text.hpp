// The text of /proc/PID/fdinfo/N, proc(5).
#pragma once

#include "fs/types.hpp"
#include "lib/format.hpp"

namespace cv6::proc {

struct DescriptorFacts {
  std::uint64_t position = 0;
  OpenFlags flags = 0;
  bool close_on_exec = false;
  std::uint64_t mount = 0;  // its id; 0: none
  std::uint64_t inode = 0;
};
void print_descriptor(Output& out, const DescriptorFacts& facts);

}  // namespace cv6::proc
