// Structures of cv6's own calls on the memory of containers. They may grow at the end, as for clone3(2).
// user/include/cv6/memory.hpp is the same for programs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6 {

// What is at an address, or in a frame.
enum class MemoryKind : std::uint16_t {
  anonymous = 0,
  heap = 1,
  stack = 2,
  file = 3,           // mapped
  shared_memory = 4,  // of no file, shared between processes
  // Frames that no process of the container maps, or whose mappings are not asked for:
  process_page = 5,
  file_page = 6,      // in the page cache of a file
  page_table = 7,
  kernel_data = 8,    // what is in a pipe, for instance
};

// Bits of MemoryWalk and MemoryRun.
namespace memory_bit {
inline constexpr std::uint16_t read = 1, write = 2, execute = 4;  // what the mapping allows
inline constexpr std::uint16_t shared_mapping = 8;
inline constexpr std::uint16_t writable_now = 16;  // by the page table entry; else the first write faults (and copies)
inline constexpr std::uint16_t zero_page = 32;     // the kernel's page of zeros, which everybody maps and nobody writes
inline constexpr std::uint16_t accessed = 64, dirty = 128;  // as the processor noted
inline constexpr std::uint16_t outside = 256;      // the owner is not the caller's container nor below: GPA is not told
}  // namespace memory_bit

inline constexpr std::uint64_t no_address = UINT64_MAX;  // of a GPA, HVA or HPA that is not told

// walk_memory(MemoryWalk*, size) -> 0. On EFAULT the answer is filled in as far as the walk came.
struct MemoryWalk {
  static constexpr std::size_t most_levels = 5, name_size = 160;
  static constexpr std::uint32_t mapping_found = 1, page_found = 2;
  struct Level {
    std::uint64_t entry;  // as the processor reads it; the host's numbers: 0 inside
    std::uint64_t table_gpa;
    std::uint64_t table_hpa;
    std::uint32_t index;  // of the entry in its table
    std::uint32_t present;
  };
  // Asked for:
  std::int32_t container;
  std::int32_t pid;  // as the container sees it
  std::uint64_t gva;
  // The answer:
  std::uint32_t found;
  std::uint32_t levels;  // of `level`, the root's first
  std::uint64_t mapping_start;
  std::uint64_t mapping_end;
  std::uint64_t mapping_offset;  // of `mapping_start` in the file
  MemoryKind kind;
  std::uint16_t bits;
  std::int32_t owner;  // the container that is charged for the page; memory_bit::outside: -1
  std::uint64_t gpa;   // in the owner's memory
  std::uint64_t hva;   // in the kernel's direct map
  std::uint64_t hpa;
  std::uint32_t mappers;  // page table entries that map the page, of all processes
  std::uint32_t caches;   // page caches that have it
  Level level[most_levels];
  char name[name_size];  // of the file; a longer one is cut at its beginning
};
static_assert(sizeof(MemoryWalk) == 88 + 5 * 32 + 160);

// memory_table(MemoryTable*, size) -> how many runs were written; 0: that was all. `pid` and `next` are the cursor: both 0
// at first, then as the call left them.
struct MemoryRun {
  static constexpr std::size_t name_size = 96;
  std::uint64_t gva;    // no_address: of a frame, in no process
  std::uint64_t gpa;
  std::uint64_t hva;
  std::uint64_t hpa;
  std::uint32_t pages;  // in a row, at all four addresses
  std::int32_t pid;     // as the container sees it; 0: of a frame
  std::int32_t owner;
  std::uint32_t mappers;
  std::uint32_t caches;
  MemoryKind kind;
  std::uint16_t bits;
  char name[name_size];
};
static_assert(sizeof(MemoryRun) == 56 + 96);

struct MemoryTable {
  enum View : std::uint32_t {
    processes = 0,  // process by process, by GVA: what each of them maps
    frames = 1,     // by GPA: every frame that the container is charged for
  };
  std::int32_t container;
  std::uint32_t view;
  std::int32_t pid;
  std::uint32_t reserved;  // 0
  std::uint64_t next;
  std::uint64_t runs;  // array of MemoryRun
  std::uint64_t count;
  // The answer, besides:
  std::uint64_t own_frames;    // that the container is charged for, without those below it; of the host: 0
  std::uint64_t kernel_bytes;  // objects of the kernel that are no frames of the container
};
static_assert(sizeof(MemoryTable) == 56);

}  // namespace cv6
