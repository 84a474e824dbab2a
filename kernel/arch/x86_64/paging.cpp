#include "arch/x86_64/paging.hpp"

#include <algorithm>

#include "arch/machine.hpp"
#include "arch/x86_64/boot_information.hpp"
#include "arch/x86_64/cpu_block.hpp"
#include "arch/x86_64/features.hpp"
#include "arch/x86_64/image.hpp"
#include "arch/x86_64/instructions.hpp"
#include "lib/panic.hpp"

extern "C" {
std::uint64_t kernel_root_table = 0;  // physical; trampoline.S loads it
}

namespace cv6::arch {

namespace {

constexpr std::uintptr_t device_window = 0xffff'ffff'c000'0000;
constexpr unsigned device_tables = 8;  // 2 MiB of registers each

struct alignas(4096) Table {
  PageEntry entries[entries_per_table];
};

constinit Table device_page_tables[device_tables];
std::uint64_t device_used = 0;  // bytes of the window

Table& table_at(PhysicalAddress physical) { return *static_cast<Table*>(direct(physical)); }

// The table that `entry` points to, made if there is none.
Table& next_table(PageEntry& entry) {
  if (!entry.present()) entry = PageEntry::table(take_early_page());
  return table_at(entry.address());
}

PageEntry& entry_for(std::uintptr_t address, unsigned level) {
  Table* table = &table_at(kernel_root_table);
  for (unsigned at = table_levels - 1; at > level; --at) table = &next_table(table->entries[table_index(address, at)]);
  return table->entries[table_index(address, level)];
}

// Maps with the largest pages that fit.
void map(std::uintptr_t address, PhysicalAddress physical, std::uint64_t size, PageRights rights) {
  while (size) {
    unsigned level = features.huge_pages ? 2 : 1;
    while (level && (((address | physical) & (level_span(level) - 1)) != 0 || size < level_span(level))) --level;
    PageEntry leaf = PageEntry::leaf(physical, rights).as_global();
    entry_for(address, level) = level ? leaf.as_large() : leaf;
    address += level_span(level);
    physical += level_span(level);
    size -= level_span(level);
  }
}

struct Part {
  MemoryRange range;
  PageRights rights;
};

void map_image(std::span<const Part> parts) {
  for (const Part& part : parts)
    map(KERNEL_OFFSET + part.range.start, part.range.start, part.range.end - part.range.start, part.rights);
}

// All usable memory; what must not be written is not writable here either.
void map_direct(MemoryRange read_only) {
  for (const MemoryRange& range : usable_memory()) {
    const MemoryRange inside{std::clamp(read_only.start, range.start, range.end),
                             std::clamp(read_only.end, range.start, range.end)};
    const auto map_part = [](PhysicalAddress start, PhysicalAddress end, PageRights rights) {
      map(direct_map_base() + start, start, end - start, rights);
    };
    map_part(range.start, inside.start, {.write = true});
    map_part(inside.start, inside.end, {});
    map_part(inside.end, range.end, {.write = true});
  }
}

void connect_device_tables() {
  for (unsigned i = 0; i < device_tables; ++i)
    entry_for(device_window + i * level_span(1), 1) = PageEntry::table(image_physical(&device_page_tables[i]));
}

}  // namespace

void build_kernel_page_table() {
  kernel_root_table = take_early_page();
  const PhysicalAddress text = image_physical(kernel_start), text_end = image_physical(kernel_text_end),
                        constants_end = image_physical(kernel_constants_end), end = image_physical(kernel_end);
  const Part parts[] = {
      {{text, text_end}, {.execute = true}}, {{text_end, constants_end}, {}}, {{constants_end, end}, {.write = true}}};
  map_image(parts);
  map_direct({text, constants_end});
  connect_device_tables();
}

void load_kernel_page_table() {
  write_cr3(kernel_root_table);
  this_cpu().page_table = kernel_root_table;
}

PhysicalAddress kernel_page_table() { return kernel_root_table; }

volatile void* map_device(PhysicalAddress physical, std::uint64_t size) {
  const PhysicalAddress first = page_floor(physical);
  const std::uint64_t length = page_ceiling(physical + size) - first;
  if (size == 0 || length > device_tables * level_span(1) - device_used) return nullptr;
  const std::uintptr_t address = device_window + device_used;
  device_used += length;
  for (std::uint64_t offset = 0; offset < length; offset += page_size)
    entry_for(address + offset, 0) = PageEntry::leaf(first + offset, {.write = true}).as_global().uncached();
  return reinterpret_cast<volatile void*>(address + (physical - first));
}

namespace {

void verify(const Table& table, unsigned level, unsigned first) {
  const PhysicalAddress code = image_physical(kernel_start), code_end = image_physical(kernel_constants_end);
  for (unsigned i = first; i < entries_per_table; ++i) {
    const PageEntry entry = table.entries[i];
    if (!entry.present()) continue;
    if (level && !entry.large()) {
      verify(table_at(entry.address()), level - 1, 0);
      continue;
    }
    if (entry.writable() && entry.executable()) panic("kernel memory is writable and executable");
    if (entry.writable() && entry.address() < code_end && entry.address() + level_span(level) > code)
      panic("kernel code can be written");
    if (entry.user()) panic("kernel memory is open to user code");
  }
}

}  // namespace

void verify_kernel_page_table() { verify(table_at(kernel_root_table), table_levels - 1, entries_per_table / 2); }

}  // namespace cv6::arch
