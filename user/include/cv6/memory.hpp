// The memory of containers, for programs: where an address leads (GVA -> GPA -> HVA -> HPA), and the table of all that a
// container has. Part of cv6/container.hpp.
//
//   GVA  the address that a process uses            GPA  in the memory of the container that is charged for the page
//   HVA  the same byte in the kernel's direct map    HPA  in the machine
//
// Who may: root above the container; inside, whoever may look into the process (walk) or is root (table). HVA and HPA are
// the host's own business: only processes of the host are told, others get no_address.
//
// ESRCH  no such container or process, as far as the caller may know     EPERM  see above
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace cv6 {

namespace call {
enum MemoryNumber : long {
  walk_memory = 1055,
  memory_table,
  memory_log_on,
  memory_log_off,
  memory_gva,
};
}  // namespace call

enum class MemoryKind : std::uint16_t {
  anonymous,
  heap,
  stack,
  file,           // mapped
  shared_memory,  // of no file, shared between processes
  // Of frames, in MemoryTable::View::frames:
  process_page,
  file_page,      // in the page cache of a file
  page_table,
  kernel_data,    // what is in a pipe, for instance
};

namespace memory_bit {
inline constexpr std::uint16_t read = 1, write = 2, execute = 4;  // what the mapping allows
inline constexpr std::uint16_t shared_mapping = 8;
inline constexpr std::uint16_t writable_now = 16;  // by the page table entry; else the first write faults (and copies)
inline constexpr std::uint16_t zero_page = 32;     // the kernel's page of zeros, which everybody maps and nobody writes
inline constexpr std::uint16_t accessed = 64, dirty = 128;  // as the processor noted
inline constexpr std::uint16_t outside = 256;      // the owner is not the caller's container nor below: GPA is not told
}  // namespace memory_bit

inline constexpr std::uint64_t no_address = UINT64_MAX;

struct MemoryWalk {
  static constexpr std::size_t most_levels = 5, name_size = 160;
  static constexpr std::uint32_t mapping_found = 1, page_found = 2;
  struct Level {
    std::uint64_t entry = 0;  // as the processor reads it; 0 for callers inside
    std::uint64_t table_gpa = 0;
    std::uint64_t table_hpa = 0;
    std::uint32_t index = 0;  // of the entry in its table
    std::uint32_t present = 0;
  };
  // Asked for:
  std::int32_t container = -1;
  std::int32_t pid = 0;  // as the container sees it
  std::uint64_t gva = 0;
  // The answer:
  std::uint32_t found = 0;
  std::uint32_t levels = 0;  // of `level`, the root's first
  std::uint64_t mapping_start = 0;
  std::uint64_t mapping_end = 0;
  std::uint64_t mapping_offset = 0;  // of `mapping_start` in the file
  MemoryKind kind = MemoryKind::anonymous;
  std::uint16_t bits = 0;
  std::int32_t owner = 0;  // the container that is charged for the page; memory_bit::outside: -1
  std::uint64_t gpa = 0;   // in the owner's memory
  std::uint64_t hva = 0;
  std::uint64_t hpa = 0;
  std::uint32_t mappers = 0;  // page table entries that map the page, of all processes
  std::uint32_t caches = 0;   // page caches that have it
  Level level[most_levels];
  char name[name_size] = {};  // of the file; a longer one is cut at its beginning
};
static_assert(sizeof(MemoryWalk) == 408);

struct MemoryRun {
  static constexpr std::size_t name_size = 96;
  std::uint64_t gva = 0;  // no_address: of a frame, in no process
  std::uint64_t gpa = 0;
  std::uint64_t hva = 0;
  std::uint64_t hpa = 0;
  std::uint32_t pages = 0;  // in a row, at all four addresses
  std::int32_t pid = 0;     // as the container sees it; 0: of a frame
  std::int32_t owner = 0;
  std::uint32_t mappers = 0;
  std::uint32_t caches = 0;
  MemoryKind kind = MemoryKind::anonymous;
  std::uint16_t bits = 0;
  char name[name_size] = {};
};
static_assert(sizeof(MemoryRun) == 152);

struct MemoryTable {
  enum class View : std::uint32_t {
    processes,  // process by process, by GVA: what each of them maps
    frames,     // by GPA: every frame that the container is charged for
  };
  std::int32_t container = -1;
  View view = View::processes;
  // Where the next call goes on; 0 at first.
  std::int32_t pid = 0;
  std::uint32_t reserved = 0;
  std::uint64_t next = 0;
  MemoryRun* runs = nullptr;
  std::uint64_t count = 0;
  // The answer, besides:
  std::uint64_t own_frames = 0;        // that the container is charged for, without those below it; of the host: 0
  std::uint64_t kernel_bytes = 0;  // objects of the kernel that are no frames of the container
};
static_assert(sizeof(MemoryTable) == 56);

// Follows one address of a process through every stage. EFAULT: it leads nowhere now; the answer is filled in as far as
// the walk came (MemoryWalk::found).
inline int walk_memory(MemoryWalk& walk) {
  return static_cast<int>(::syscall(call::walk_memory, &walk, sizeof walk));
}
// The next part of the table, into `table.runs`; how many runs those are, 0 at the end. Each call sees the container as it
// is at that moment.
inline long memory_table(MemoryTable& table) { return ::syscall(call::memory_table, &table, sizeof table); }

// A container's programs may record what they allocate: memory_gva returns where the allocation begins in the container's
// row of them (0 at first, then after the one before). While the container's memory log is on, each record is a line on the
// console of its process: `GVA : <offset, decimal>, HVA : <second argument, hexadecimal>`. EINVAL: a negative size.
inline long memory_gva(int size, const void* address) { return ::syscall(call::memory_gva, size, address); }
// The log of a container, the caller's own or one below. ESRCH: none, or the host, which has no log; EBUSY: it is so already.
inline int memory_log_on(int container) { return static_cast<int>(::syscall(call::memory_log_on, container)); }
inline int memory_log_off(int container) { return static_cast<int>(::syscall(call::memory_log_off, container)); }

}  // namespace cv6
