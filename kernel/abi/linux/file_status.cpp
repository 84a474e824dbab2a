#include "abi/linux/file_status.hpp"

namespace cv6::linux_abi {

Stat stat_of(const FileStatus& status) {
  const Timespec access = timespec_of(status.access_time);
  const Timespec modify = timespec_of(status.modify_time);
  const Timespec change = timespec_of(status.change_time);
  return {
      .st_dev = device_to_linux(static_cast<DeviceNumber>(status.device)),
      .st_ino = status.number,
      .st_nlink = status.links,
      .st_mode = type_bits(status.type) | status.mode,
      .st_uid = status.user,
      .st_gid = status.group,
      .padding = 0,
      .st_rdev = device_to_linux(status.represents),
      .st_size = static_cast<std::int64_t>(status.size),
      .st_blksize = status.block_size,
      .st_blocks = static_cast<std::int64_t>(status.blocks),
      .access_seconds = static_cast<std::uint64_t>(access.tv_sec),
      .access_nanoseconds = static_cast<std::uint64_t>(access.tv_nsec),
      .modify_seconds = static_cast<std::uint64_t>(modify.tv_sec),
      .modify_nanoseconds = static_cast<std::uint64_t>(modify.tv_nsec),
      .change_seconds = static_cast<std::uint64_t>(change.tv_sec),
      .change_nanoseconds = static_cast<std::uint64_t>(change.tv_nsec),
      .unused = {},
  };
}

namespace {

StatxTimestamp timestamp_of(Nanoseconds time) {
  const Timespec exact = timespec_of(time);
  return {exact.tv_sec, static_cast<std::uint32_t>(exact.tv_nsec), 0};
}

}  // namespace

Statx statx_of(const FileStatus& status) {
  Statx result{};
  result.stx_mask = statx_basic_stats | (status.birth_time ? statx_btime : 0) | (status.mount ? statx_mnt_id : 0);
  result.stx_blksize = status.block_size;
  result.stx_nlink = status.links;
  result.stx_uid = status.user;
  result.stx_gid = status.group;
  result.stx_mode = static_cast<std::uint16_t>(type_bits(status.type) | status.mode);
  result.stx_ino = status.number;
  result.stx_size = status.size;
  result.stx_blocks = status.blocks;
  result.stx_atime = timestamp_of(status.access_time);
  result.stx_btime = timestamp_of(status.birth_time);
  result.stx_ctime = timestamp_of(status.change_time);
  result.stx_mtime = timestamp_of(status.modify_time);
  result.stx_rdev_major = device_major(status.represents);
  result.stx_rdev_minor = device_minor(status.represents);
  result.stx_dev_major = device_major(static_cast<DeviceNumber>(status.device));
  result.stx_dev_minor = device_minor(static_cast<DeviceNumber>(status.device));
  result.stx_mnt_id = status.mount;
  return result;
}

}  // namespace cv6::linux_abi
