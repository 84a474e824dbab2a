// A split virtqueue (Virtual I/O Device 1.2, 2.7): how a virtio driver gives buffers to its device and gets them back.
//
// Not locked: the driver's own lock covers a queue. Buffers are physical memory; what is in a buffer while the device has
// it belongs to the device.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "arch/mmu.hpp"

namespace cv6 {

class Virtqueue {
 public:
  struct Buffer {
    arch::PhysicalAddress address;
    std::uint32_t size;
    enum class For : std::uint8_t { device_reads, device_writes } use;
  };
  // What the device has done with: `head` is what add() returned; `written` bytes are new in its buffers.
  struct Used {
    std::uint16_t head;
    std::uint32_t written;
  };
  enum class Interrupts : std::uint8_t { off, on };

  // How much memory a queue of `size` entries needs, aligned to 16; `size` is a power of two.
  static constexpr std::size_t memory_for(std::uint16_t size) {
    return used_offset(size) + sizeof(std::uint16_t) * 3 + sizeof(UsedElement) * size;
  }

  Virtqueue() = default;
  // `memory`: zeroed, in the direct map, for ever.
  Virtqueue(void* memory, std::uint16_t size);

  std::uint16_t size() const { return size_; }
  std::uint16_t free_count() const { return free_count_; }
  arch::PhysicalAddress descriptors() const { return arch::physical_of(descriptors_); }
  arch::PhysicalAddress driver_area() const { return arch::physical_of(available_); }
  arch::PhysicalAddress device_area() const { return arch::physical_of(used_); }

  // Buffers that belong together: those the device reads before those it writes. No value: not enough free descriptors.
  std::optional<std::uint16_t> add(std::span<const Buffer> buffers);
  // After add(), any number of them: true if the device wants to be told.
  [[nodiscard]] bool publish();
  bool has_used() const;
  std::optional<Used> take_used();
  // Whether the device should interrupt when it has used buffers. It may do so anyway.
  void set_interrupts(Interrupts wanted);

 private:
  struct Descriptor {
    std::uint64_t address;
    std::uint32_t size;
    std::uint16_t flags;
    std::uint16_t next;
  };
  struct Available {
    std::uint16_t flags;
    std::uint16_t index;
    std::uint16_t ring[];
  };
  struct UsedElement {
    std::uint32_t head;
    std::uint32_t written;
  };
  struct UsedRing {
    std::uint16_t flags;
    std::uint16_t index;
    UsedElement ring[];
  };
  static constexpr std::size_t used_offset(std::uint16_t size) {
    return (sizeof(Descriptor) * size + sizeof(std::uint16_t) * (3 + size) + 3) / 4 * 4;
  }

  Descriptor* descriptors_ = nullptr;
  Available* available_ = nullptr;
  UsedRing* used_ = nullptr;
  std::uint16_t size_ = 0;
  std::uint16_t free_head_ = 0;
  std::uint16_t free_count_ = 0;
  std::uint16_t next_available_ = 0;
  std::uint16_t next_used_ = 0;
};

}  // namespace cv6
