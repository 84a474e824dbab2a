// What boot/ calls, in this order, when memory and the scheduler work.
#pragma once

#include "fs/path.hpp"
#include "mm/guest_memory.hpp"

namespace cv6::fs {

// A key of this boot for the hashes of names: before anything has a name.
void choose_secrets();
// Registers the file systems and devices, and makes the host's root: an empty tmpfs, charged to `owner`.
// Then: unpack_initramfs(root.dentry, ...), Mount::attach(/dev, devfs::root(), ...) and /proc. Error::nomem.
Result<Path> initialise(GuestMemory& owner);

}  // namespace cv6::fs
