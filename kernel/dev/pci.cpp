#include "dev/pci.hpp"

#include "arch/mmu.hpp"

namespace cv6 {

namespace {

constexpr unsigned command_register = 0x04, header_register = 0x0c, first_base_register = 0x10, bus_register = 0x18,
                   capabilities_register = 0x34;
constexpr std::uint32_t has_capabilities = 1 << 20, memory_enabled = 1 << 1, master_enabled = 1 << 2, no_wire = 1 << 10;
constexpr std::uint8_t msix_capability = 0x11;
constexpr std::uint32_t msix_enabled = std::uint32_t{1} << 31, msix_all_masked = std::uint32_t{1} << 30;

std::uint64_t next_free = 0;  // in the window, for what the firmware has not placed

std::uint64_t place(std::uint64_t size) {
  const arch::PciWindow window = arch::pci_memory_window();
  if (!next_free) next_free = window.start;
  const std::uint64_t start = (next_free + size - 1) / size * size;  // sizes are powers of two, and so is alignment
  if (start >= window.end || size > window.end - start) return 0;
  next_free = start + size;
  return start;
}

void visit_bus(std::uint8_t bus, unsigned depth, void (*visit)(PciFunction& function, void* context), void* context) {
  constexpr unsigned deepest = 8;
  for (std::uint8_t device = 0; device < 32; ++device) {
    for (std::uint8_t number = 0; number < 8; ++number) {
      PciFunction function({bus, device, number});
      if (function.vendor() == 0xffff) {
        if (number == 0) break;
        continue;
      }
      const std::uint8_t header = static_cast<std::uint8_t>(function.read(header_register) >> 16);
      visit(function, context);
      if ((header & 0x7f) == 1 && depth < deepest) {  // a bridge
        const auto behind = static_cast<std::uint8_t>(function.read(bus_register) >> 8);
        if (behind > bus) visit_bus(behind, depth + 1, visit, context);
      }
      if (number == 0 && !(header & 0x80)) break;  // the only function
    }
  }
}

}  // namespace

void for_each_pci_function(void (*visit)(PciFunction& function, void* context), void* context) {
  if (arch::has_pci()) visit_bus(0, 0, visit, context);
}

unsigned PciFunction::find_capability(std::uint8_t kind, unsigned after) const {
  if (!(read(command_register) & has_capabilities)) return 0;
  unsigned at = after ? read_byte(after + 1) : read_byte(capabilities_register);
  for (unsigned turns = 0; turns < 48; ++turns) {  // more do not fit into 192 bytes
    at &= 0xfc;
    if (!at || read_byte(at) == kind) return at;
    at = read_byte(at + 1);
  }
  return 0;
}

Result<PciFunction::Region> PciFunction::region(unsigned register_number) {
  if (register_number > 5) return Error::nxio;
  const unsigned offset = first_base_register + 4 * register_number;
  const std::uint32_t old = read(offset);
  if (old & 1) return Error::nxio;  // ports
  const bool wide = (old >> 1 & 3) == 2 && register_number < 5;
  const std::uint32_t command = read(command_register);
  write(command_register, command & ~memory_enabled & 0xffff);
  write(offset, ~0u);
  const std::uint32_t mask = read(offset) & ~0xfu;
  const std::uint64_t size = mask ? std::uint64_t{~mask} + 1 : 0;  // none of ours has 4 GiB
  std::uint64_t address = (old & ~0xfu) | (wide ? std::uint64_t{read(offset + 4)} << 32 : 0);
  if (!address && size) address = place(size);
  write(offset, static_cast<std::uint32_t>(address) | (old & 0xf));
  if (wide) write(offset + 4, static_cast<std::uint32_t>(address >> 32));
  write(command_register, command & 0xffff);
  if (!size || !address) return Error::nxio;
  return Region{address, size};
}

Result<volatile void*> PciFunction::map(unsigned register_number, std::uint32_t offset, std::uint32_t size) {
  const Region whole = TRY(region(register_number));
  if (size > whole.size || offset > whole.size - size) return Error::nxio;
  volatile void* mapped = arch::map_device(whole.address + offset, size);
  if (!mapped) return Error::nomem;
  return mapped;
}

void PciFunction::enable() {
  write(command_register, (read(command_register) & 0xffff) | memory_enabled | master_enabled | no_wire);
}

Result<void> PciFunction::enable_msix(arch::InterruptHandler handler, void* context) {
  const unsigned capability = find_capability(msix_capability);
  if (!capability) return Error::opnotsupp;
  const std::uint32_t control = read(capability);
  const std::uint32_t table = read(capability + 4);
  const std::uint32_t entries = (control >> 16 & 0x7ff) + 1;
  auto* words = static_cast<volatile std::uint32_t*>(TRY(map(table & 7, table & ~7u, 16 * entries)));
  arch::InterruptMessage message;
  if (!arch::create_message_interrupt(handler, context, message)) return Error::nospc;
  words[0] = static_cast<std::uint32_t>(message.address);
  words[1] = static_cast<std::uint32_t>(message.address >> 32);
  words[2] = message.data;
  words[3] = 0;  // not masked
  write(capability, (control | msix_enabled) & ~msix_all_masked);
  return {};
}

}  // namespace cv6
