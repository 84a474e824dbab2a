// Where inodes live that are not in the tree of files: pipes, and places of files without a name.
#pragma once

#include "fs/mount.hpp"

namespace cv6::anonymous {

Result<void> initialise();  // at boot
const Ref<FileSystem>& file_system();
const Ref<Mount>& mount();

// For a file that is no file of a tree, but reads and writes as a device does (a container's log, an epoll).
// Error::nomem.
Result<Ref<Inode>> make_device(Mode mode);

}  // namespace cv6::anonymous
