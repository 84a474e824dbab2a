// Virtio devices as memory-mapped registers (Virtual I/O Device 1.2, 4.2). Found on the command line, in Linux' format:
// virtio_mmio.device=SIZE@ADDRESS:INTERRUPT.
#include "arch/machine.hpp"
#include "dev/virtio_device.hpp"
#include "lib/string.hpp"
#include "lib/words.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

class VirtioMmio final : public VirtioDevice {
 public:
  VirtioMmio(volatile std::uint32_t* registers, unsigned line) : registers_(registers), line_(line) {}

  // What is in a place where a device may be: nothing (an empty slot has type 0), a device, or one of the old kind.
  enum class Content { nothing, device, legacy_device };
  static Content look(const volatile std::uint32_t* registers) {
    if (registers[magic] != 0x74726976 || registers[device_type] == 0) return Content::nothing;
    return registers[version] == 2 ? Content::device : Content::legacy_device;
  }

  Type type() const override { return static_cast<Type>(static_cast<std::uint32_t>(registers_[device_type])); }

  std::uint16_t queue_limit(std::uint16_t index) override {
    registers_[queue_select] = index;
    return static_cast<std::uint16_t>(registers_[queue_size_limit]);
  }

  Result<void> enable_queue(std::uint16_t index, const Virtqueue& queue) override {
    registers_[queue_select] = index;
    registers_[queue_size] = queue.size();
    write_address(queue_descriptors, queue.descriptors());
    write_address(queue_driver, queue.driver_area());
    write_address(queue_device, queue.device_area());
    registers_[queue_ready] = 1;
    return {};
  }

  void notify(std::uint16_t index) override { registers_[queue_notify] = index; }

  Result<void> set_interrupt_handler(arch::InterruptHandler handler, void* context) override {
    handler_ = handler;
    context_ = context;
    if (!arch::connect_interrupt(line_, arch::Trigger::level, &VirtioMmio::on_interrupt, this)) return Error::nospc;
    return {};
  }

  std::uint32_t read_config(unsigned offset) override { return registers_[config + offset / 4]; }

 private:
  enum Register : unsigned {  // in words
    magic = 0x000 / 4,
    version = 0x004 / 4,
    device_type = 0x008 / 4,
    device_features = 0x010 / 4,
    device_features_select = 0x014 / 4,
    driver_features = 0x020 / 4,
    driver_features_select = 0x024 / 4,
    queue_select = 0x030 / 4,
    queue_size_limit = 0x034 / 4,
    queue_size = 0x038 / 4,
    queue_ready = 0x044 / 4,
    queue_notify = 0x050 / 4,
    interrupt_status = 0x060 / 4,
    interrupt_acknowledge = 0x064 / 4,
    device_status = 0x070 / 4,
    queue_descriptors = 0x080 / 4,  // each of these: low, high word
    queue_driver = 0x090 / 4,
    queue_device = 0x0a0 / 4,
    config = 0x100 / 4,
  };

  static void on_interrupt(void* self) {
    auto& device = *static_cast<VirtioMmio*>(self);
    device.registers_[interrupt_acknowledge] = device.registers_[interrupt_status];
    device.handler_(device.context_);
  }

  void write_address(unsigned number, std::uint64_t address) {
    registers_[number] = static_cast<std::uint32_t>(address);
    registers_[number + 1] = static_cast<std::uint32_t>(address >> 32);
  }

  std::uint8_t status() override { return static_cast<std::uint8_t>(registers_[device_status]); }
  void set_status(std::uint8_t status) override { registers_[device_status] = status; }
  std::uint64_t offered_features() override {
    registers_[device_features_select] = 1;
    const std::uint64_t high = registers_[device_features];
    registers_[device_features_select] = 0;
    return high << 32 | registers_[device_features];
  }
  void accept_features(std::uint64_t features) override {
    registers_[driver_features_select] = 1;
    registers_[driver_features] = static_cast<std::uint32_t>(features >> 32);
    registers_[driver_features_select] = 0;
    registers_[driver_features] = static_cast<std::uint32_t>(features);
  }

  volatile std::uint32_t* registers_;
  unsigned line_;
  arch::InterruptHandler handler_ = nullptr;
  void* context_ = nullptr;
};

struct Place {
  std::uint64_t size, address, line;
};

// "512@0xfeb00e00:12"
std::optional<Place> parse_place(std::string_view text) {
  const std::size_t at = text.find('@'), colon = text.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon < at) return std::nullopt;
  const auto size = parse_unsigned(text.substr(0, at));
  const auto address = parse_unsigned(text.substr(at + 1, colon - at - 1));
  const auto line = parse_unsigned(text.substr(colon + 1));
  if (!size || !address || !line || *size < 0x100) return std::nullopt;
  return Place{*size, *address, *line};
}

void probe(std::string_view text, void (*found)(VirtioDevice& device)) {
  const std::optional<Place> place = parse_place(text);
  if (!place) return log(LogLevel::warning, "virtio_mmio.device={}: not SIZE@ADDRESS:INTERRUPT", text);
  auto* registers = static_cast<volatile std::uint32_t*>(arch::map_device(place->address, place->size));
  if (!registers) return log(LogLevel::warning, "virtio_mmio.device={}: cannot be mapped", text);
  const VirtioMmio::Content content = VirtioMmio::look(registers);
  if (content == VirtioMmio::Content::nothing) return;
  if (content == VirtioMmio::Content::legacy_device)
    return log(LogLevel::warning, "virtio_mmio.device={}: an old device; QEMU: -global virtio-mmio.force-legacy=false", text);
  auto* device = new (std::nothrow) VirtioMmio(registers, static_cast<unsigned>(place->line));
  if (!device) return log(LogLevel::error, "virtio_mmio.device={}: no memory", text);
  found(*device);
}

}  // namespace

void probe_virtio_mmio(void (*found)(VirtioDevice& device)) {
  constexpr std::string_view option = "virtio_mmio.device=";
  std::string_view rest = arch::command_line();
  for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest))
    if (word.starts_with(option)) probe(word.substr(option.size()), found);
}

}  // namespace cv6
