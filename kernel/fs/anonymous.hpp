// Where inodes live that are not in the tree of files: pipes, and places of files without a name.
#pragma once

#include "fs/mount.hpp"

namespace cv6::anonymous {

Result<void> initialise();  // at boot
const Ref<FileSystem>& file_system();
const Ref<Mount>& mount();

}  // namespace cv6::anonymous
