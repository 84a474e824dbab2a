// The initial contents of the root: "newc" cpio archives, as Linux takes them (Documentation/driver-api/early-userspace/
// buffer-format.rst): one or several, one after the other, with zero bytes between them.
#pragma once

#include <span>

#include "arch/mmu.hpp"
#include "fs/dentry.hpp"

namespace cv6 {

// Unpacks the archive, which lies page-aligned in the reserved physical range, into the tmpfs `root`. File data that begin
// on a page boundary become file pages where they are; every other page of the range is given to the frame allocator.
// Nothing of the range may be used afterwards. Error::inval (with a line in the log that says where): not an archive, cut
// off, or with a nonsensical header; what came before is there. Error::nomem.
Result<void> unpack_initramfs(Dentry& root, arch::PhysicalAddress start, std::uint64_t size, GuestMemory& owner);

}  // namespace cv6
