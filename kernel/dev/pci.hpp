// PCI functions (PCI local bus specification 3.0): finding them, their capabilities, their memory.
#pragma once

#include <cstdint>

#include "arch/interrupts.hpp"
#include "arch/pci.hpp"
#include "lib/result.hpp"

namespace cv6 {

class PciFunction {
 public:
  explicit PciFunction(arch::PciAddress at) : at_(at) {}

  std::uint16_t vendor() const { return static_cast<std::uint16_t>(read(0)); }
  std::uint16_t device() const { return static_cast<std::uint16_t>(read(0) >> 16); }
  std::uint16_t subsystem() const { return static_cast<std::uint16_t>(read(0x2c) >> 16); }
  arch::PciAddress address() const { return at_; }

  std::uint32_t read(unsigned offset) const { return arch::pci_read(at_, offset); }
  void write(unsigned offset, std::uint32_t value) const { arch::pci_write(at_, offset, value); }
  std::uint8_t read_byte(unsigned offset) const {
    return static_cast<std::uint8_t>(read(offset & ~3u) >> 8 * (offset & 3));
  }

  // The offset of the next capability of this kind after `after` (0: the first); 0: there is none.
  unsigned find_capability(std::uint8_t kind, unsigned after = 0) const;

  // Maps part of base address register 0..5, after placing it if the firmware has not. Error::nxio: not a memory
  // register, or it is smaller than that; Error::nomem.
  Result<volatile void*> map(unsigned register_number, std::uint32_t offset, std::uint32_t size);
  // Answers accesses to its memory, and may access memory itself.
  void enable();
  // Sends message-signalled interrupts, all through the first entry of its MSI-X table. Error::opnotsupp, Error::nospc.
  Result<void> enable_msix(arch::InterruptHandler handler, void* context);

 private:
  struct Region {
    std::uint64_t address;
    std::uint64_t size;
  };
  Result<Region> region(unsigned register_number);

  arch::PciAddress at_;
};

// Every function of every bus that the firmware has numbered.
void for_each_pci_function(void (*visit)(PciFunction& function, void* context), void* context);

}  // namespace cv6
