// The texts of /proc/PID/maps and smaps, proc(5).
#pragma once

#include "fs/types.hpp"
#include "lib/format.hpp"
#include "vm/address_space.hpp"

namespace cv6::proc {

struct MappingFacts {
  std::uintptr_t start = 0, end = 0;
  Protection protection = {};
  MapRequest::Sharing sharing = MapRequest::Sharing::private_;
  std::uint64_t offset = 0;
  DeviceNumber device = 0;  // of a file
  std::uint64_t inode = 0;
  std::string_view name = {};  // path or "[stack]"; empty: anonymous
};

// One line of maps, which is the head of an entry of smaps as well.
void print_mapping(Output& out, const MappingFacts& facts);

// What of a mapping is in memory, in bytes. "Shared": by more than one user (page table entry, page cache).
struct ResidentFacts {
  std::uint64_t size = 0, resident = 0;
  std::uint64_t proportional = 0;  // each page divided by its users
  std::uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0, anonymous = 0;
  void add(const ResidentFacts& other);
};
enum class SmapsKind : std::uint8_t { mapping, rollup };  // rollup: without sizes
void print_resident(Output& out, const ResidentFacts& facts, SmapsKind kind);

}  // namespace cv6::proc
