// /dev/kmsg (Documentation/ABI/testing/dev-kmsg): each read gives one record of the kernel log, "LEVEL,NUMBER,MICROSECONDS,-;text"
// and a newline; a write adds a line. Record numbers only grow, but not by one.
#pragma once

#include "fs/file.hpp"

namespace cv6 {

Result<Ref<File>> open_kernel_log(Inode& node);

}  // namespace cv6
