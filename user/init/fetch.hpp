// Sends files of the guest to the host (`./cv6 run --get`): a tar archive for each path, made by tar(1).
#pragma once

#include <string>
#include <vector>

namespace cv6::init {

// Sends each of `paths` in turn over the port for files; a path that cannot be sent is reported there as an errno.
void send_files(const std::vector<std::string>& paths);

}  // namespace cv6::init
