// What every architecture's PageEntry can do; `target/page_entry.hpp` defines the class and these beside it:
//
//   inline constexpr unsigned table_levels;           // level table_levels - 1 is the root, level 0 maps pages
//   inline constexpr unsigned entries_per_table;      // a table is one page
//   constexpr unsigned table_index(std::uintptr_t address, unsigned level);
//   constexpr std::uint64_t level_span(unsigned level);    // bytes that one entry of this level covers
//   constexpr std::uintptr_t direct_map_base();
//   struct PageRights { bool user, write, execute; };      // what a leaf allows; reading is always allowed
#pragma once

#include <concepts>
#include <cstdint>

namespace cv6::arch {

// `software` bits belong to the owner of the tables: at least two, kept by the processor as they are.
template <class Entry, class Rights>
concept PageFormat = sizeof(Entry) == 8 && std::is_trivially_copyable_v<Entry> &&
                     requires(const Entry entry, Rights rights, std::uint64_t physical, unsigned bits) {
  { Entry() };
  { Entry::leaf(physical, rights) } -> std::same_as<Entry>;
  { Entry::table(physical) } -> std::same_as<Entry>;
  { entry.present() } -> std::same_as<bool>;
  { entry.user() } -> std::same_as<bool>;
  { entry.writable() } -> std::same_as<bool>;
  { entry.executable() } -> std::same_as<bool>;
  { entry.accessed() } -> std::same_as<bool>;
  { entry.dirty() } -> std::same_as<bool>;
  { entry.address() } -> std::same_as<std::uint64_t>;
  { entry.software() } -> std::same_as<unsigned>;
  { entry.with_software(bits) } -> std::same_as<Entry>;
  { entry.read_only() } -> std::same_as<Entry>;
  { entry.with_rights(rights) } -> std::same_as<Entry>;
  { entry.not_accessed() } -> std::same_as<Entry>;
  { entry.clean() } -> std::same_as<Entry>;
  // A hidden leaf is not there for the processor (PROT_NONE), but its page is still known. Occupied: present or hidden.
  { entry.hidden() } -> std::same_as<Entry>;
  { entry.shown() } -> std::same_as<Entry>;
  { entry.occupied() } -> std::same_as<bool>;
  { entry == entry } -> std::same_as<bool>;
};

}  // namespace cv6::arch
