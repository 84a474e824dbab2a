// ACPI specification 6.5: 5.2.5 RSDP, 5.2.7 RSDT, 5.2.8 XSDT, 5.2.12 MADT. QEMU: docs/specs/fw_cfg.txt.
#include <cstring>

#include "arch/x86_64/boot_information.hpp"
#include "arch/x86_64/instructions.hpp"
#include "arch/x86_64/platform.hpp"

namespace cv6::arch {

namespace {

struct [[gnu::packed]] RootPointer {
  char signature[8];
  std::uint8_t checksum;
  char oem[6];
  std::uint8_t revision;
  std::uint32_t table32;
  std::uint32_t length;
  std::uint64_t table64;
};
struct [[gnu::packed]] TableHeader {
  char signature[4];
  std::uint32_t length;
  std::uint8_t revision, checksum;
  char oem[6], oem_table[8];
  std::uint32_t oem_revision, creator, creator_revision;
};
static_assert(sizeof(TableHeader) == 36);
constexpr std::uint32_t longest_table = 65536;

// A whole table, or null. Tables are in memory that the direct map may not have.
const TableHeader* map_table(PhysicalAddress physical) {
  const volatile void* header = map_device(physical, sizeof(TableHeader));
  if (!header) return nullptr;
  const std::uint32_t length = static_cast<const volatile TableHeader*>(header)->length;
  if (length < sizeof(TableHeader) || length > longest_table) return nullptr;
  return static_cast<const TableHeader*>(const_cast<const void*>(map_device(physical, length)));
}

bool is(const TableHeader& table, const char (&signature)[5]) { return !std::memcmp(table.signature, signature, 4); }

// Visits the tables that the root table lists until it finds the one wanted.
const TableHeader* find_table(const char (&signature)[5]) {
  const auto* root = static_cast<const volatile RootPointer*>(map_device(acpi_root_pointer(), sizeof(RootPointer)));
  if (!root) return nullptr;
  const bool wide = root->revision >= 2 && root->table64;
  const TableHeader* list = map_table(wide ? root->table64 : root->table32);
  if (!list) return nullptr;
  const std::size_t size = wide ? 8 : 4;
  const char* end = reinterpret_cast<const char*>(list) + list->length;
  for (const char* at = reinterpret_cast<const char*>(list + 1); at + size <= end; at += size) {
    PhysicalAddress address = 0;
    std::memcpy(&address, at, size);
    const TableHeader* table = map_table(address);
    if (table && is(*table, signature)) return table;
  }
  return nullptr;
}

// Local APICs that are enabled: entries of type 0, and 9 for large numbers.
unsigned count_in_madt(const TableHeader& table) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&table);
  unsigned count = 0;
  for (std::uint32_t at = sizeof(TableHeader) + 8; at + 8 <= table.length && bytes[at + 1] >= 2; at += bytes[at + 1]) {
    if (bytes[at] == 0) count += bytes[at + 4] & 1;
    if (bytes[at] == 9 && at + 16 <= table.length) count += bytes[at + 8] & 1;
  }
  return count;
}

std::uint32_t read_fw_cfg(std::uint16_t key, unsigned bytes) {
  port_out(0x510, key);
  std::uint32_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= std::uint32_t{port_in<std::uint8_t>(0x511)} << 8 * i;
  return value;
}

unsigned count_in_fw_cfg() {
  constexpr std::uint32_t signature = 0x554d4551;  // "QEMU"
  constexpr std::uint16_t signature_key = 0, processors_key = 5;
  return read_fw_cfg(signature_key, 4) == signature ? read_fw_cfg(processors_key, 2) : 0;
}

}  // namespace

unsigned count_processors() {
  unsigned count = 0;
  if (acpi_root_pointer()) {
    if (const TableHeader* madt = find_table("APIC")) count = count_in_madt(*madt);
  }
  if (!count) count = count_in_fw_cfg();
  return count ? count : 1;
}

}  // namespace cv6::arch
