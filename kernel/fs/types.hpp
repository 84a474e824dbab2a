// Words that all of fs/ uses: kinds of files, permission bits, device numbers, the flags of an open file, what stat says.
#pragma once

#include <cstdint>

#include "lib/units.hpp"

namespace cv6 {

enum class FileType : std::uint8_t { regular, directory, symlink, character_device, block_device, fifo, socket };

// Permission bits have the values that POSIX gives them (chmod(2)); the kind of file is apart (FileType).
using Mode = std::uint32_t;
namespace mode {
inline constexpr Mode set_user_id = 04000, set_group_id = 02000, sticky = 01000;
inline constexpr Mode read_all = 0444, write_all = 0222, execute_all = 0111, execute_group = 0010;
inline constexpr Mode all = 07777, permissions = 0777;
}  // namespace mode

// A device: 12 bits of major and 20 bits of minor number (makedev(3)). 0: none.
using DeviceNumber = std::uint32_t;
constexpr DeviceNumber make_device(std::uint32_t major, std::uint32_t minor) { return major << 20 | (minor & 0xfffff); }
constexpr std::uint32_t device_major(DeviceNumber device) { return device >> 20; }
constexpr std::uint32_t device_minor(DeviceNumber device) { return device & 0xfffff; }

// Whether a transfer that cannot begin now waits until it can.
enum class Blocking : std::uint8_t { no, yes };

// open(2)'s flags, neutral; an ABI translates. Those of the first group stay with the open file (fcntl F_GETFL), and of
// these `changeable` can be set later (F_SETFL).
using OpenFlags = std::uint32_t;
namespace open_flag {
inline constexpr OpenFlags read = 1u << 0, write = 1u << 1;
inline constexpr OpenFlags append = 1u << 2, nonblock = 1u << 3, no_access_time = 1u << 4, direct = 1u << 5, async = 1u << 6;
inline constexpr OpenFlags sync = 1u << 7, data_sync = 1u << 8, large_file = 1u << 9;
inline constexpr OpenFlags path_only = 1u << 10;  // O_PATH: names a place, no read or write
inline constexpr OpenFlags create = 1u << 16, exclusive = 1u << 17, truncate = 1u << 18, directory = 1u << 19;
inline constexpr OpenFlags no_follow = 1u << 20, temporary = 1u << 21;  // O_TMPFILE
inline constexpr OpenFlags no_controlling_tty = 1u << 22;
inline constexpr OpenFlags execute = 1u << 23;  // for exec: needs x instead of r, and a regular file
inline constexpr OpenFlags kept = 0xffff | directory | no_follow | temporary;
inline constexpr OpenFlags changeable = append | nonblock | no_access_time | direct | async;
}  // namespace open_flag

// What stat(2) and statx(2) report.
struct FileStatus {
  std::uint64_t device = 0;  // of the file system, a DeviceNumber
  std::uint64_t number = 0;  // the inode's
  FileType type = FileType::regular;
  Mode mode = 0;
  std::uint32_t links = 0;
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  DeviceNumber represents = 0;  // st_rdev
  std::uint64_t size = 0;
  std::uint32_t block_size = page_size;
  std::uint64_t blocks = 0;  // of 512 bytes
  Nanoseconds access_time = 0, modify_time = 0, change_time = 0, birth_time = 0;  // since 1970
  std::uint64_t mount = 0;  // identifies the mount; 0: none
};

// What statfs(2) reports.
struct FileSystemStatus {
  std::uint64_t magic = 0;
  std::uint64_t block_size = page_size;
  std::uint64_t blocks = 0, blocks_free = 0, blocks_available = 0;
  std::uint64_t files = 0, files_free = 0;
  std::uint64_t identity = 0;
  std::uint64_t name_size = 255;
  std::uint32_t mount_flags = 0;  // of the mount asked through (mount_flag in fs/mount.hpp)
};

inline constexpr std::size_t name_max = 255;     // of one component
inline constexpr std::size_t path_max = 4096;    // of a path with its NUL
inline constexpr unsigned symlinks_max = 40;     // followed in one walk, path_resolution(7)
inline constexpr std::uint64_t file_size_max = INT64_MAX;

}  // namespace cv6
