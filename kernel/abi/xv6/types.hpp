// Structures of the xv6 ABI as its programs have them (32-bit x86), and its limits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::xv6_abi {

// stat.h
struct Stat {
  std::int16_t type;  // FileKind
  std::uint16_t unused_1;
  std::int32_t dev;
  std::uint32_t ino;
  std::int16_t nlink;
  std::uint16_t unused_2;
  std::uint32_t size;
};
static_assert(sizeof(Stat) == 20 && offsetof(Stat, nlink) == 12);

enum FileKind : std::int16_t { kind_directory = 1, kind_file = 2, kind_device = 3 };

// fs.h
inline constexpr std::size_t longest_name = 14;
struct DirectoryEntry {
  std::uint16_t inum;  // 0: no entry
  char name[longest_name];  // filled up with NULs, and not ended by one if it is that long
};
static_assert(sizeof(DirectoryEntry) == 16);

// fcntl.h
inline constexpr unsigned open_write_only = 1, open_read_write = 2, open_create = 0x200;

// param.h, fs.h
inline constexpr std::uint64_t most_open_files = 16;
inline constexpr std::size_t most_arguments = 32;
inline constexpr std::uint64_t largest_file = 140 * 512;

// mknod
inline constexpr std::int16_t console_major = 1;

}  // namespace cv6::xv6_abi
