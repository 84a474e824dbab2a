#include "fs/device.hpp"

#include "sync/spin_lock.hpp"

namespace cv6 {

namespace {

using Devices = List<CharacterDevice, &CharacterDevice::node>;
constinit SpinLock devices_lock{Rank::inode};
constinit Devices devices GUARDED_BY(devices_lock);

constinit std::uint64_t host_tree = 0;  // set once at boot

CharacterDevice* find(DeviceNumber number) REQUIRES(devices_lock) {
  for (CharacterDevice& device : devices)
    if (device.major == device_major(number) && device_minor(number) - device.first_minor < device.minor_count)
      return &device;
  return nullptr;
}

}  // namespace

void register_device(CharacterDevice& device) {
  SpinGuard guard(devices_lock);
  for (const CharacterDevice& other : devices)
    CV6_ASSERT(other.major != device.major || device.first_minor - other.first_minor >= other.minor_count);
  devices.push_back(device);
}

void for_each_device(void (*visit)(const CharacterDevice& device, void* context), void* context) {
  SpinGuard guard(devices_lock);
  for (const CharacterDevice& device : devices) visit(device, context);
}

void set_host_tree(std::uint64_t tree) { host_tree = tree; }

Result<void> check_device_reach(DeviceNumber number, std::uint64_t tree) {
  if (tree == host_tree) return {};
  SpinGuard guard(devices_lock);
  const CharacterDevice* device = find(number);
  if (device && device->reach == DeviceReach::host) return Error::perm;
  return {};
}

Result<Ref<File>> open_device(Inode& node, OpenFlags flags) {
  CharacterDevice* device;
  {
    SpinGuard guard(devices_lock);
    device = find(node.represents());
  }
  if (!device) return Error::nxio;
  return device->open(node, flags, device->context);  // it lives forever
}

}  // namespace cv6
