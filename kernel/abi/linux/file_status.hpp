// What stat(2), statx(2) and getdents(2) say about a file, from what the kernel knows.
#pragma once

#include "abi/linux/times.hpp"
#include "abi/linux/types_files.hpp"
#include "fs/types.hpp"

namespace cv6::linux_abi {

// inode(7): the kind of file in the mode's upper bits; the same number shifted is d_type.
constexpr std::uint32_t type_bits(FileType type) {
  switch (type) {
    case FileType::fifo: return 0010000;
    case FileType::character_device: return 0020000;
    case FileType::directory: return 0040000;
    case FileType::block_device: return 0060000;
    case FileType::regular: return 0100000;
    case FileType::symlink: return 0120000;
    case FileType::socket: return 0140000;
  }
  return 0;
}
constexpr std::uint8_t directory_entry_type(FileType type) { return static_cast<std::uint8_t>(type_bits(type) >> 12); }

// dev_t as x86-64 programs see it: 12 bits of major and 20 of minor number, interleaved (makedev(3)).
constexpr std::uint64_t device_to_linux(DeviceNumber device) {
  const std::uint64_t major = device_major(device), minor = device_minor(device);
  return (minor & 0xff) | major << 8 | (minor & ~std::uint64_t{0xff}) << 12;
}
constexpr DeviceNumber device_from_linux(std::uint32_t device) {
  return make_device((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00));
}

Stat stat_of(const FileStatus& status);
Statx statx_of(const FileStatus& status);

}  // namespace cv6::linux_abi
