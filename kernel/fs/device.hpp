// Character devices: which number means which device (a table that drivers fill at boot), and devfs, the file system
// whose nodes stand for them under their usual names.
#pragma once

#include "fs/file.hpp"
#include "fs/inode.hpp"

namespace cv6 {

// Where a device may be opened: in every tree of mounts, or in that of the machine's host only, not in containers.
enum class DeviceReach : std::uint8_t { everywhere, host };

// A driver: makes a File when a node with its number is opened. `context`: as registered. The File's path, flags and
// credentials are set by the caller (open_file); a driver that must know the flags now gets them.
struct CharacterDevice {
  using Open = Result<Ref<File>> (*)(Inode& node, OpenFlags flags, void* context);
  std::string_view name;  // of the driver, for /proc/devices
  std::uint32_t major = 0;
  std::uint32_t first_minor = 0;
  std::uint32_t minor_count = 1;
  Open open = nullptr;
  void* context = nullptr;
  DeviceReach reach = DeviceReach::everywhere;
  ListNode node;
};
// `device` lives forever. Panics on an overlap: numbers are assigned by us.
void register_device(CharacterDevice& device);
// In the order in which they were registered: for /proc/devices. `visit` must not block.
void for_each_device(void (*visit)(const CharacterDevice& device, void* context), void* context);
// The host's tree of mounts (Mount::tree), at boot.
void set_host_tree(std::uint64_t tree);
// Error::perm: this device cannot be opened in this tree.
Result<void> check_device_reach(DeviceNumber number, std::uint64_t tree);
// Error::nxio: no such device.
Result<Ref<File>> open_device(Inode& node, OpenFlags flags);

// null zero full random urandom kmsg (major 1), and the ports (dynamic major) with their nodes below virtio-ports/.
Result<void> initialise_memory_devices();
Result<void> initialise_port_devices();

// Random bytes from the generator behind /dev/urandom; getrandom(2). Never fails, never blocks.
void random_bytes(std::span<std::byte> to);
std::uint64_t random_number();

namespace devfs {
// Makes the one instance, with null zero full random urandom kmsg fd stdin stdout stderr, and registers "devtmpfs". Its
// contents may be changed as those of a tmpfs, by root.
Result<void> initialise();
Ref<Dentry> root();
// A node `name` ("tty", "virtio-ports/cv6.control": directories are made). Error::exist, Error::nomem.
Result<void> add_node(std::string_view name, FileType type, DeviceNumber device, Mode mode, std::uint32_t group = 0);
Result<void> add_directory(std::string_view name, Mode mode);
Result<void> add_symlink(std::string_view name, std::string_view target);
Result<void> remove(std::string_view name);
}  // namespace devfs

}  // namespace cv6
