// A copy-on-write view: a file system that shows another one, and keeps every change to itself (docs: containers, "Files:
// copy on write").
#pragma once

#include "fs/path.hpp"
#include "mm/guest_memory.hpp"
#include "vm/disk_account.hpp"

namespace cv6::cow {

// A view of the tree below `lower` (without the mounts in it); all it changes is charged to `owner`. The root of a new
// tree of mounts. O(1) in time, kilobytes of memory. Views of views may be nested; Error::loop beyond max_depth.
inline constexpr unsigned max_depth = 64;
// Data that is changed is charged to `disk`, if that is not null.
Result<Path> create_view(const Path& lower, Ref<GuestMemory> owner, Ref<DiskAccount> disk = {});
unsigned depth_of(FileSystem& file_system);  // how many views it is; 0: none
// The same, and for every mount below `lower` a view of its own, mounted at the same place (or the file system itself,
// where FileSystem::in_view says so): what a container gets as its root.
//
// `parent`: the root of the tree that `lower` is in, which may be above `lower`. What the system offers in that tree as
// files is offered here at the same places, where there are directories for it: /proc itself, a view of /dev, and a new
// empty tmpfs for each tmpfs. Nothing else of what is beside `lower` is seen (docs/decisions/0011-container-roots.md).
Result<Path> create_view_of_tree(const Path& lower, const Path& parent, Ref<GuestMemory> owner,
                                 Ref<DiskAccount> disk = {});

}  // namespace cv6::cow
