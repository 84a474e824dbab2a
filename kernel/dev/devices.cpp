#include "dev/devices.hpp"

#include "dev/virtio_console.hpp"
#include "dev/virtio_device.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

void start(VirtioDevice& device) {
  if (device.type() == VirtioDevice::Type::console) return start_virtio_console(device);
  log(LogLevel::notice, "virtio device of type {}: no driver", device.type());
}

}  // namespace

void start_devices() {
  probe_virtio_mmio(start);
  probe_virtio_pci(start);
}

}  // namespace cv6
