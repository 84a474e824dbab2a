// An open directory.
#pragma once

#include "fs/file.hpp"

namespace cv6 {

Result<Ref<File>> open_directory(Ref<Inode> inode);

}  // namespace cv6
