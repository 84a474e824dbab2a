// Volumes: files of outside that a container has on purpose, as they are and not copied on write.
//
// A volume is a mount in the container's tree whose root is the source's own dentry (fs/mount.hpp): what either side
// writes, the other sees. Its names lead nowhere else: `..` of its root is the directory of the container where it is
// mounted, its links are followed within the container, and names in it cannot be linked or renamed to the outside of it
// (EXDEV) because that is another mount. It can be neither detached nor remounted from inside, and goes with the
// container's tree. A container below this one sees it copied on write, as everything else here.
#pragma once

#include "container/container.hpp"

namespace cv6 {

enum class VolumeAccess : std::uint8_t { read_write, read_only };

// Mounts `source` at `target` as the container sees that name, also while processes run in it. What is missing of the
// target is made, with the container's root directory read-only or not: directories, and an empty file for a source that
// is none. Error::inval (the target is not absolute, or is the root), Error::notdir (a directory on a file or the
// reverse), Error::srch (the container is being destroyed), and those of making names.
Result<void> mount_volume(Container& container, const Path& source, std::string_view target, VolumeAccess access);

}  // namespace cv6
