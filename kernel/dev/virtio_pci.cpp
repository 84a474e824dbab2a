// Virtio devices on PCI (Virtual I/O Device 1.2, 4.1), with message-signalled interrupts.
#include "dev/pci.hpp"
#include "dev/virtio_device.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

constexpr std::uint16_t virtio_vendor = 0x1af4;
constexpr std::uint16_t first_transitional = 0x1000, first_modern = 0x1040, last_modern = 0x107f;
constexpr std::uint8_t vendor_capability = 9;

// 4.1.4.3 "Common configuration structure layout".
struct Common {
  std::uint32_t device_features_select;
  std::uint32_t device_features;
  std::uint32_t driver_features_select;
  std::uint32_t driver_features;
  std::uint16_t config_vector;
  std::uint16_t queue_count;
  std::uint8_t status;
  std::uint8_t generation;
  std::uint16_t queue_select;
  std::uint16_t queue_size;
  std::uint16_t queue_vector;
  std::uint16_t queue_enable;
  std::uint16_t queue_notify_offset;
  std::uint32_t queue_descriptors[2];  // low, high word
  std::uint32_t queue_driver[2];
  std::uint32_t queue_device[2];
};
static_assert(sizeof(Common) == 56);

class VirtioPci final : public VirtioDevice {
 public:
  explicit VirtioPci(const PciFunction& function) : function_(function) {}

  // Finds the structures that the capabilities point to. Error::opnotsupp: an old device.
  Result<void> attach() {
    function_.enable();
    common_ = static_cast<volatile Common*>(TRY(map_structure(1, sizeof(Common))));
    notify_ = static_cast<volatile char*>(TRY(map_structure(2, 0)));
    notify_multiplier_ = function_.read(structure(2) + 16);
    if (structure(4)) config_ = static_cast<volatile std::uint32_t*>(TRY(map_structure(4, 0)));
    return {};
  }

  Type type() const override {
    const std::uint16_t device = function_.device();
    return static_cast<Type>(device >= first_modern ? device - first_modern : function_.subsystem());
  }

  std::uint16_t queue_limit(std::uint16_t index) override {
    if (index >= common_->queue_count) return 0;
    common_->queue_select = index;
    return common_->queue_size;
  }

  Result<void> enable_queue(std::uint16_t index, const Virtqueue& queue) override {
    if (index >= most_queues) return Error::nospc;
    common_->queue_select = index;
    notify_offsets_[index] = common_->queue_notify_offset;
    common_->queue_size = queue.size();
    common_->queue_vector = 0;
    if (common_->queue_vector != 0) return Error::nospc;
    write_address(common_->queue_descriptors, queue.descriptors());
    write_address(common_->queue_driver, queue.driver_area());
    write_address(common_->queue_device, queue.device_area());
    common_->queue_enable = 1;
    return {};
  }

  void notify(std::uint16_t index) override {
    *reinterpret_cast<volatile std::uint16_t*>(notify_ + notify_offsets_[index] * notify_multiplier_) = index;
  }

  Result<void> set_interrupt_handler(arch::InterruptHandler handler, void* context) override {
    TRY(function_.enable_msix(handler, context));
    common_->config_vector = 0;
    return {};
  }

  std::uint32_t read_config(unsigned offset) override { return config_ ? config_[offset / 4] : 0; }

 private:
  // The capability of a kind of structure: 1 common, 2 notifications, 3 interrupt status, 4 the device's own.
  unsigned structure(std::uint8_t kind) const {
    unsigned at = function_.find_capability(vendor_capability);
    while (at && function_.read_byte(at + 3) != kind) at = function_.find_capability(vendor_capability, at);
    return at;
  }

  Result<volatile void*> map_structure(std::uint8_t kind, std::uint32_t least) {
    const unsigned at = structure(kind);
    if (!at) return Error::opnotsupp;
    const std::uint32_t size = function_.read(at + 12);
    if (size < least) return Error::opnotsupp;
    return function_.map(function_.read_byte(at + 4), function_.read(at + 8), size);
  }

  static void write_address(volatile std::uint32_t (&words)[2], std::uint64_t address) {
    words[0] = static_cast<std::uint32_t>(address);
    words[1] = static_cast<std::uint32_t>(address >> 32);
  }

  std::uint8_t status() override { return common_->status; }
  void set_status(std::uint8_t status) override {
    common_->status = status;
    if (status == 0)
      while (common_->status != 0) {}  // 4.1.4.3.2: a reset has ended when 0 is read back
  }
  std::uint64_t offered_features() override {
    common_->device_features_select = 1;
    const std::uint64_t high = common_->device_features;
    common_->device_features_select = 0;
    return high << 32 | common_->device_features;
  }
  void accept_features(std::uint64_t features) override {
    common_->driver_features_select = 1;
    common_->driver_features = static_cast<std::uint32_t>(features >> 32);
    common_->driver_features_select = 0;
    common_->driver_features = static_cast<std::uint32_t>(features);
  }

  static constexpr std::uint16_t most_queues = 64;

  PciFunction function_;
  volatile Common* common_ = nullptr;
  volatile char* notify_ = nullptr;
  std::uint32_t notify_multiplier_ = 0;
  std::uint16_t notify_offsets_[most_queues] = {};
  volatile std::uint32_t* config_ = nullptr;
};

bool is_virtio(const PciFunction& function) {
  return function.vendor() == virtio_vendor && function.device() >= first_transitional && function.device() <= last_modern;
}

void probe(PciFunction& function, void* context) {
  if (!is_virtio(function)) return;
  const arch::PciAddress at = function.address();
  auto* device = new (std::nothrow) VirtioPci(function);
  if (!device) return log(LogLevel::error, "pci {:02x}:{:02x}.{}: no memory", at.bus, at.device, at.function);
  if (!device->attach()) {
    delete device;
    return log(LogLevel::warning, "pci {:02x}:{:02x}.{}: not a virtio 1.0 device", at.bus, at.device, at.function);
  }
  reinterpret_cast<void (*)(VirtioDevice&)>(context)(*device);
}

}  // namespace

void probe_virtio_pci(void (*found)(VirtioDevice& device)) {
  for_each_pci_function(probe, reinterpret_cast<void*>(found));
}

}  // namespace cv6
