// One entry of a page table as host tests see it: the geometry of x86-64, but another layout, so that nothing outside
// the architecture can depend on bits.
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

// Where the arena lies that plays the machine's memory: wherever the test process had room (machine.cpp).
extern const std::uintptr_t arena_base;
inline std::uintptr_t direct_map_base() { return arena_base; }

struct PageRights {
  bool user = false;
  bool write = false;
  bool execute = false;
};

class PageEntry {
 public:
  constexpr PageEntry() = default;  // not present

  static constexpr PageEntry leaf(std::uint64_t physical, PageRights rights) {
    return PageEntry(physical << 8 | present_bit | rights_bits(rights));
  }
  static constexpr PageEntry table(std::uint64_t physical) {
    return PageEntry(physical << 8 | present_bit | user_bit | write_bit | execute_bit);
  }

  constexpr bool present() const { return bits_ & present_bit; }
  constexpr bool user() const { return bits_ & user_bit; }
  constexpr bool writable() const { return bits_ & write_bit; }
  constexpr bool executable() const { return bits_ & execute_bit; }
  constexpr bool accessed() const { return bits_ & accessed_bit; }
  constexpr bool dirty() const { return bits_ & dirty_bit; }
  constexpr std::uint64_t address() const { return bits_ >> 8 & ~std::uint64_t{0xfff}; }

  constexpr unsigned software() const { return static_cast<unsigned>(bits_ >> software_shift) & 7; }
  constexpr PageEntry with_software(unsigned bits) const {
    return PageEntry((bits_ & ~(std::uint64_t{7} << software_shift)) | std::uint64_t{bits & 7} << software_shift);
  }
  constexpr PageEntry read_only() const { return PageEntry(bits_ & ~write_bit); }
  constexpr PageEntry with_rights(PageRights rights) const {
    return PageEntry((bits_ & ~(user_bit | write_bit | execute_bit)) | rights_bits(rights));
  }
  constexpr PageEntry not_accessed() const { return PageEntry(bits_ & ~accessed_bit); }
  constexpr PageEntry clean() const { return PageEntry(bits_ & ~dirty_bit); }
  constexpr PageEntry hidden() const { return PageEntry(bits_ & ~present_bit); }
  constexpr PageEntry shown() const { return PageEntry(bits_ | present_bit); }
  constexpr bool occupied() const { return bits_ != 0; }
  // What the processor does when it uses the entry.
  constexpr PageEntry touched(bool written) const {
    return PageEntry(bits_ | accessed_bit | (written ? dirty_bit : 0));
  }

  constexpr bool operator==(const PageEntry&) const = default;

 private:
  static constexpr std::uint64_t user_bit = 1 << 0;
  static constexpr std::uint64_t execute_bit = 1 << 1;
  static constexpr std::uint64_t write_bit = 1 << 2;
  static constexpr std::uint64_t accessed_bit = 1 << 3;
  static constexpr std::uint64_t dirty_bit = 1 << 4;
  static constexpr std::uint64_t present_bit = 1 << 7;
  static constexpr unsigned software_shift = 8;

  static constexpr std::uint64_t rights_bits(PageRights rights) {
    return (rights.user ? user_bit : 0) | (rights.write ? write_bit : 0) | (rights.execute ? execute_bit : 0);
  }
  constexpr explicit PageEntry(std::uint64_t bits) : bits_(bits) {}

  std::uint64_t bits_ = 0;
};
static_assert(PageFormat<PageEntry, PageRights>);

}  // namespace cv6::arch
