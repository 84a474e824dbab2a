// https://xenbits.xen.org/docs/unstable/misc/pvh.html, and xen/include/public/arch-x86/hvm/start_info.h for the layout.
#include "arch/x86_64/boot_information.hpp"

#include <algorithm>
#include <cstring>

#include "arch/x86_64/image.hpp"
#include "lib/panic.hpp"
#include "lib/units.hpp"

namespace cv6::arch {

namespace {

struct StartInfo {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t flags;
  std::uint32_t module_count;
  std::uint64_t modules;
  std::uint64_t command_line;
  std::uint64_t root_pointer;
  std::uint64_t memory_map;  // this and what follows: version 1
  std::uint32_t memory_map_entries;
  std::uint32_t reserved;
};
constexpr std::uint32_t start_info_magic = 0x336ec578;

struct Module {
  std::uint64_t address, size, command_line, reserved;
};
struct MemoryMapEntry {
  std::uint64_t address, size;
  std::uint32_t type, reserved;
};
constexpr std::uint32_t type_memory = 1;

// Ranges kept in order, those that touch or overlap made one. What does not fit is left out: memory that is not used.
class RangeSet {
 public:
  void add(MemoryRange added) {
    if (added.start >= added.end) return;
    unsigned kept = 0;
    for (unsigned i = 0; i < count_; ++i) {
      if (ranges_[i].end < added.start || ranges_[i].start > added.end) {
        ranges_[kept++] = ranges_[i];
      } else {
        added = {std::min(added.start, ranges_[i].start), std::max(added.end, ranges_[i].end)};
      }
    }
    count_ = kept;
    if (count_ == capacity) return;
    unsigned at = count_++;
    for (; at > 0 && ranges_[at - 1].start > added.start; --at) ranges_[at] = ranges_[at - 1];
    ranges_[at] = added;
  }
  std::span<const MemoryRange> all() const { return {ranges_, count_}; }

 private:
  static constexpr unsigned capacity = 32;
  MemoryRange ranges_[capacity];
  unsigned count_ = 0;
};

RangeSet usable;
RangeSet reserved;
char command_line_text[2048];
MemoryRange initrd;
PhysicalAddress root_pointer = 0;
MemoryRange early;  // pages given out by take_early_page
bool early_reserved = false;

// The loader's structures need not be aligned.
template <class T>
T copy_of(PhysicalAddress physical) {
  T value;
  std::memcpy(&value, direct(physical), sizeof value);
  return value;
}

void read_memory_map(const StartInfo& info) {
  for (std::uint32_t i = 0; i < info.memory_map_entries; ++i) {
    const auto entry = copy_of<MemoryMapEntry>(info.memory_map + i * sizeof(MemoryMapEntry));
    if (entry.type != type_memory || entry.size > ~entry.address) continue;
    usable.add({page_ceiling(entry.address), page_floor(entry.address + entry.size)});
  }
}

}  // namespace

void read_start_info(PhysicalAddress start_info) {
  const auto info = copy_of<StartInfo>(start_info);
  if (info.magic != start_info_magic || info.version < 1) panic("the loader gave no memory map (PVH start info)");
  read_memory_map(info);
  root_pointer = info.root_pointer;
  if (info.command_line) {
    const char* text = static_cast<const char*>(direct(info.command_line));
    std::memcpy(command_line_text, text, std::min(std::strlen(text), sizeof command_line_text - 1));
  }
  if (info.module_count) {
    const auto module = copy_of<Module>(info.modules);
    initrd = {module.address, module.address + module.size};
    reserved.add({page_floor(initrd.start), page_ceiling(initrd.end)});
  }
  reserved.add({0, TRAMPOLINE + page_size});  // address 0 stays unused, too
  reserved.add({image_physical(kernel_start), image_physical(kernel_end)});
  early.start = early.end = image_physical(kernel_end);
}

PhysicalAddress take_early_page() {
  CV6_ASSERT(!early_reserved);
  for (;; early.end += page_size) {
    const PhysicalAddress page = early.end;
    const auto holds = [page](const MemoryRange& range) { return range.start <= page && page < range.end; };
    if (std::ranges::none_of(usable.all(), holds)) panic("no memory for the first page tables");
    if (std::ranges::any_of(reserved.all(), holds)) continue;
    early.end += page_size;
    std::memset(direct(page), 0, page_size);
    return page;
  }
}

PhysicalAddress acpi_root_pointer() { return root_pointer; }
std::string_view command_line() { return command_line_text; }
std::span<const MemoryRange> usable_memory() { return usable.all(); }
std::span<const MemoryRange> reserved_memory() {
  if (!early_reserved) reserved.add(early);
  early_reserved = true;
  return reserved.all();
}
MemoryRange initial_file_system() { return initrd; }

}  // namespace cv6::arch
