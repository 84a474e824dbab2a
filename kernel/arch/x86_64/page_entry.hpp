// One entry of an x86-64 page table (Intel SDM volume 3, 4.5 "4-level paging").
#pragma once

#include <cstdint>
#include <type_traits>

#include "arch/page_format.hpp"

namespace cv6::arch {

inline constexpr unsigned table_levels = 4;
inline constexpr unsigned entries_per_table = 512;

constexpr std::uint64_t level_span(unsigned level) { return std::uint64_t{1} << (12 + 9 * level); }
constexpr unsigned table_index(std::uintptr_t address, unsigned level) {
  return static_cast<unsigned>(address >> (12 + 9 * level)) % entries_per_table;
}
constexpr std::uintptr_t direct_map_base() { return 0xffff'8000'0000'0000; }

struct PageRights {
  bool user = false;
  bool write = false;
  bool execute = false;
};

class PageEntry {
 public:
  constexpr PageEntry() = default;  // not present
  constexpr explicit PageEntry(std::uint64_t raw) : bits_(raw) {}

  static constexpr PageEntry leaf(std::uint64_t physical, PageRights rights) {
    return PageEntry(physical | present_bit | rights_bits(rights));
  }
  // A table allows everything; the leaves decide.
  static constexpr PageEntry table(std::uint64_t physical) {
    return PageEntry(physical | present_bit | write_bit | user_bit);
  }

  constexpr bool present() const { return bits_ & present_bit; }
  constexpr bool user() const { return bits_ & user_bit; }
  constexpr bool writable() const { return bits_ & write_bit; }
  constexpr bool executable() const { return !(bits_ & no_execute_bit); }
  constexpr bool accessed() const { return bits_ & accessed_bit; }
  constexpr bool dirty() const { return bits_ & dirty_bit; }
  constexpr bool large() const { return bits_ & large_bit; }  // levels 1 and 2: a leaf, not a table
  constexpr std::uint64_t address() const { return bits_ & address_mask; }
  constexpr std::uint64_t raw() const { return bits_; }

  // Three bits (0..7) that the processor ignores.
  constexpr unsigned software() const { return static_cast<unsigned>(bits_ >> software_shift) & 7; }
  constexpr PageEntry with_software(unsigned bits) const {
    return PageEntry((bits_ & ~(std::uint64_t{7} << software_shift)) | std::uint64_t{bits & 7} << software_shift);
  }

  constexpr PageEntry read_only() const { return PageEntry(bits_ & ~write_bit); }
  constexpr PageEntry with_rights(PageRights rights) const {
    return PageEntry((bits_ & ~rights_bits({.user = true, .write = true}) & ~no_execute_bit) | rights_bits(rights));
  }
  constexpr PageEntry not_accessed() const { return PageEntry(bits_ & ~accessed_bit); }
  constexpr PageEntry clean() const { return PageEntry(bits_ & ~dirty_bit); }

  // Without the present bit the processor ignores all others; the no-execute or user bit keeps it from being 0.
  constexpr PageEntry hidden() const { return PageEntry(bits_ & ~present_bit); }
  constexpr PageEntry shown() const { return PageEntry(bits_ | present_bit); }
  constexpr bool occupied() const { return bits_ != 0; }

  // For the kernel's own mappings.
  constexpr PageEntry as_large() const { return PageEntry(bits_ | large_bit); }
  constexpr PageEntry as_global() const { return PageEntry(bits_ | global_bit); }
  constexpr PageEntry uncached() const { return PageEntry(bits_ | write_through_bit | cache_disable_bit); }

  constexpr bool operator==(const PageEntry&) const = default;

 private:
  static constexpr std::uint64_t present_bit = 1 << 0;
  static constexpr std::uint64_t write_bit = 1 << 1;
  static constexpr std::uint64_t user_bit = 1 << 2;
  static constexpr std::uint64_t write_through_bit = 1 << 3;
  static constexpr std::uint64_t cache_disable_bit = 1 << 4;
  static constexpr std::uint64_t accessed_bit = 1 << 5;
  static constexpr std::uint64_t dirty_bit = 1 << 6;
  static constexpr std::uint64_t large_bit = 1 << 7;
  static constexpr std::uint64_t global_bit = 1 << 8;
  static constexpr unsigned software_shift = 9;
  static constexpr std::uint64_t no_execute_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t address_mask = 0x000f'ffff'ffff'f000;

  static constexpr std::uint64_t rights_bits(PageRights rights) {
    return (rights.user ? user_bit : 0) | (rights.write ? write_bit : 0) | (rights.execute ? 0 : no_execute_bit);
  }

  std::uint64_t bits_ = 0;
};
static_assert(PageFormat<PageEntry, PageRights>);

}  // namespace cv6::arch
