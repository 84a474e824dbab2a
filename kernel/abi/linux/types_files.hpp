// Structures of the calls on files, as x86-64 programs lay them out (Linux UAPI: asm/stat.h, linux/stat.h, asm/statfs.h,
// linux/fcntl.h, linux/uio.h, linux/dirent.h, asm/poll.h; inode(7), statx(2), fcntl(2), getdents(2), poll(2)).
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6::linux_abi {

inline constexpr int at_fdcwd = -100;
inline constexpr unsigned at_symlink_nofollow = 0x100;
inline constexpr unsigned at_eaccess = 0x200;
inline constexpr unsigned at_removedir = 0x200;
inline constexpr unsigned at_symlink_follow = 0x400;
inline constexpr unsigned at_no_automount = 0x800;
inline constexpr unsigned at_empty_path = 0x1000;
inline constexpr unsigned at_statx_sync_type = 0x6000;

struct Stat {
  std::uint64_t st_dev;
  std::uint64_t st_ino;
  std::uint64_t st_nlink;
  std::uint32_t st_mode;
  std::uint32_t st_uid;
  std::uint32_t st_gid;
  std::uint32_t padding;
  std::uint64_t st_rdev;
  std::int64_t st_size;
  std::int64_t st_blksize;
  std::int64_t st_blocks;
  std::uint64_t access_seconds;
  std::uint64_t access_nanoseconds;
  std::uint64_t modify_seconds;
  std::uint64_t modify_nanoseconds;
  std::uint64_t change_seconds;
  std::uint64_t change_nanoseconds;
  std::int64_t unused[3];
};
static_assert(sizeof(Stat) == 144 && offsetof(Stat, st_rdev) == 40 && offsetof(Stat, access_seconds) == 72);

struct StatxTimestamp {
  std::int64_t tv_sec;
  std::uint32_t tv_nsec;
  std::int32_t padding;
};

struct Statx {
  std::uint32_t stx_mask;
  std::uint32_t stx_blksize;
  std::uint64_t stx_attributes;
  std::uint32_t stx_nlink;
  std::uint32_t stx_uid;
  std::uint32_t stx_gid;
  std::uint16_t stx_mode;
  std::uint16_t padding;
  std::uint64_t stx_ino;
  std::uint64_t stx_size;
  std::uint64_t stx_blocks;
  std::uint64_t stx_attributes_mask;
  StatxTimestamp stx_atime;
  StatxTimestamp stx_btime;
  StatxTimestamp stx_ctime;
  StatxTimestamp stx_mtime;
  std::uint32_t stx_rdev_major;
  std::uint32_t stx_rdev_minor;
  std::uint32_t stx_dev_major;
  std::uint32_t stx_dev_minor;
  std::uint64_t stx_mnt_id;
  std::uint64_t spare[13];
};
static_assert(sizeof(Statx) == 256 && offsetof(Statx, stx_atime) == 64 && offsetof(Statx, stx_mnt_id) == 144);
inline constexpr unsigned statx_basic_stats = 0x7ff;
inline constexpr unsigned statx_btime = 0x800;
inline constexpr unsigned statx_mnt_id = 0x1000;
inline constexpr unsigned statx_reserved = 0x80000000;

struct Statfs {
  std::int64_t f_type;
  std::int64_t f_bsize;
  std::uint64_t f_blocks;
  std::uint64_t f_bfree;
  std::uint64_t f_bavail;
  std::uint64_t f_files;
  std::uint64_t f_ffree;
  std::int32_t f_fsid[2];
  std::int64_t f_namelen;
  std::int64_t f_frsize;
  std::int64_t f_flags;
  std::int64_t f_spare[4];
};
static_assert(sizeof(Statfs) == 120);

struct Iovec {
  std::uint64_t iov_base;
  std::uint64_t iov_len;
};
inline constexpr unsigned iov_max = 1024;

struct FileCloneRange {  // ioctl_ficlonerange(2)
  std::int64_t src_fd;
  std::uint64_t src_offset;
  std::uint64_t src_length;
  std::uint64_t dest_offset;
};

struct Flock {
  std::int16_t l_type;
  std::int16_t l_whence;
  std::int32_t padding;
  std::int64_t l_start;
  std::int64_t l_len;
  std::int32_t l_pid;
  std::int32_t padding_at_end;
};
static_assert(sizeof(Flock) == 32);

struct FOwner {
  std::int32_t type;
  std::int32_t pid;
};

struct OpenHow {
  std::uint64_t flags;
  std::uint64_t mode;
  std::uint64_t resolve;
};

// getdents64: d_name follows, with a NUL; d_reclen is a multiple of 8.
struct Dirent64 {
  std::uint64_t d_ino;
  std::int64_t d_off;
  std::uint16_t d_reclen;
  std::uint8_t d_type;
  static constexpr std::size_t name_offset = 19;
};
static_assert(offsetof(Dirent64, d_type) == 18);
// getdents: d_name follows d_reclen; the type is in the record's last byte.
struct Dirent {
  std::uint64_t d_ino;
  std::uint64_t d_off;
  std::uint16_t d_reclen;
  static constexpr std::size_t name_offset = 18;
};

struct Pollfd {
  std::int32_t fd;
  std::int16_t events;
  std::int16_t revents;
};
static_assert(sizeof(Pollfd) == 8);

// Packed on x86-64: epoll_ctl(2).
struct [[gnu::packed]] EpollEvent {
  std::uint32_t events;
  std::uint64_t data;
};
static_assert(sizeof(EpollEvent) == 12);
inline constexpr int epoll_ctl_add = 1, epoll_ctl_del = 2, epoll_ctl_mod = 3;

}  // namespace cv6::linux_abi
