// Access to PCI configuration space.
#pragma once

#include <cstdint>

namespace cv6::arch {

struct PciAddress {
  std::uint8_t bus = 0;
  std::uint8_t device = 0;    // 0..31
  std::uint8_t function = 0;  // 0..7
};

bool has_pci();
// `offset` is a multiple of four, below 256.
std::uint32_t pci_read(PciAddress at, unsigned offset);
void pci_write(PciAddress at, unsigned offset, std::uint32_t value);

// Where devices' memory may be put that the firmware has not placed.
struct PciWindow {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};
PciWindow pci_memory_window();

}  // namespace cv6::arch
