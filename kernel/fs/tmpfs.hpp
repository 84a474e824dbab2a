// tmpfs: files in memory. Data are pages of the page cache, charged to the owner; inodes and names are charged to it too.
// The limit is the owner's memory: Error::nospc for data, Error::nospc for names.
#pragma once

#include "fs/dentry.hpp"
#include "fs/inode.hpp"
#include "mm/guest_memory.hpp"

namespace cv6::tmpfs {

inline constexpr std::uint64_t magic = 0x01021994;

struct Options {
  Mode mode = 01777;
  std::uint32_t user = 0, group = 0;
  std::uint64_t max_bytes = UINT64_MAX;   // of data: mount option size=
  std::uint64_t max_inodes = UINT64_MAX;  // nr_inodes=
  std::string_view type_name = "tmpfs";
};
// A new empty file system; its root. Error::nomem.
Result<Ref<Dentry>> create(Ref<GuestMemory> owner, const Options& options);
// Registers "tmpfs" for mount(2) (options size= nr_inodes= mode= uid= gid=).
void initialise();

}  // namespace cv6::tmpfs
