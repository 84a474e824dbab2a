// A virtio device, however it is attached (Virtual I/O Device 1.2, chapters 2 to 4). A driver:
//
//   TRY(device.begin(features_wanted));            // resets, negotiates; then:
//   TRY(device.enable_queue(0, queue)); ...
//   device.set_interrupt_handler(handler, context);
//   device.ready();                                // from now on the device works
//   device.fail();                                 // or it does not
#pragma once

#include <cstdint>

#include "arch/interrupts.hpp"
#include "dev/virtqueue.hpp"
#include "lib/result.hpp"

namespace cv6 {

class VirtioDevice {
 public:
  enum class Type : std::uint32_t { network = 1, block = 2, console = 3, entropy = 4 };
  virtual ~VirtioDevice() = default;
  virtual Type type() const = 0;

  // Resets the device and accepts what it offers of `wanted` (VIRTIO_F_VERSION_1 always). Returns what was accepted.
  // Error::opnotsupp: an old device, or it does not agree.
  Result<std::uint64_t> begin(std::uint64_t wanted);
  void ready();
  void fail();

  // The largest queue that the device takes; 0: there is no such queue.
  virtual std::uint16_t queue_limit(std::uint16_t index) = 0;
  virtual Result<void> enable_queue(std::uint16_t index, const Virtqueue& queue) = 0;
  virtual void notify(std::uint16_t index) = 0;
  // One handler for all queues. Error::nospc: no interrupt left.
  virtual Result<void> set_interrupt_handler(arch::InterruptHandler handler, void* context) = 0;
  // The device's own configuration.
  virtual std::uint32_t read_config(unsigned offset) = 0;

 protected:
  enum Status : std::uint8_t { acknowledge = 1, driver = 2, driver_ok = 4, features_ok = 8, failed = 128 };
  virtual std::uint8_t status() = 0;
  virtual void set_status(std::uint8_t status) = 0;
  virtual std::uint64_t offered_features() = 0;
  virtual void accept_features(std::uint64_t features) = 0;
};

// The devices of each kind of bus; they live forever.
void probe_virtio_mmio(void (*found)(VirtioDevice& device));
void probe_virtio_pci(void (*found)(VirtioDevice& device));

}  // namespace cv6
