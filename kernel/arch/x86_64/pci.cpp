// PCI configuration mechanism 1 (PCI local bus specification 3.0, 3.2.2.3.2).
#include "arch/pci.hpp"

#include "arch/x86_64/instructions.hpp"

namespace cv6::arch {

namespace {

constexpr std::uint16_t address_port = 0xcf8, data_port = 0xcfc;
constexpr std::uint32_t enable = std::uint32_t{1} << 31;

void select(PciAddress at, unsigned offset) {
  port_out(address_port, enable | std::uint32_t{at.bus} << 16 | std::uint32_t{at.device} << 11 |
                             std::uint32_t{at.function} << 8 | (offset & 0xfc));
}

}  // namespace

bool has_pci() {
  port_out(address_port, enable);
  return port_in<std::uint32_t>(address_port) == enable;
}

std::uint32_t pci_read(PciAddress at, unsigned offset) {
  select(at, offset);
  return port_in<std::uint32_t>(data_port);
}

void pci_write(PciAddress at, unsigned offset, std::uint32_t value) {
  select(at, offset);
  port_out(data_port, value);
}

// On QEMU's q35: behind the extended configuration space, before the interrupt controllers.
PciWindow pci_memory_window() { return {.start = 0xe000'0000, .end = 0xfe00'0000}; }

}  // namespace cv6::arch
