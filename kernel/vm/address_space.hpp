// What a process can address: an ordered set of mappings, and page tables that are a cache of them.
//
// A Mapping says for a range of addresses what is there: anonymous memory (zero at first), or pages of a MemoryObject,
// shared or private. Page table entries are made at the first access (demand), and may be dropped at any time: the next
// access makes them again. Private pages that two address spaces use after fork are mapped read-only in both and copied
// by whoever writes first.
//
// Locks: `lock_` (a sleeping read-write lock) protects the mappings: faults take it shared, changes exclusive. The page
// table's own spin lock protects entries. Flushes of other processors are batched and done once per operation.
//
// Addresses and lengths come from programs and are checked here; errors are those of the Linux calls named.
#pragma once

#include <cstdint>
#include <span>

#include "arch/upcalls.hpp"
#include "lib/tree.hpp"
#include "mm/guest_memory.hpp"
#include "mm/object_cache.hpp"
#include "vm/page_cache.hpp"
#include "sched/mutex.hpp"

namespace cv6 {

struct Protection {
  bool read : 1 = false;
  bool write : 1 = false;
  bool execute : 1 = false;
  bool operator==(const Protection&) const = default;
};

struct MapRequest {
  enum class Place : std::uint8_t { anywhere, hint, fixed, fixed_no_replace };
  enum class Sharing : std::uint8_t { private_, shared };
  std::uintptr_t address = 0;
  std::uint64_t length = 0;
  Place place = Place::anywhere;
  Sharing sharing = Sharing::private_;
  Protection protection;
  Protection allowed{.read = true, .write = true, .execute = true};  // what mprotect may give later
  bool grows_down = false;                                           // MAP_GROWSDOWN
  bool populate = false;
  Ref<MemoryObject> object;  // null: anonymous
  std::uint64_t offset = 0;  // into the object, page-aligned
  std::string_view name;     // for /proc/PID/maps, must live forever: "[heap]", "[stack]"
};

// What became of a page fault.
enum class FaultOutcome : std::uint8_t {
  resolved,
  no_mapping,   // SIGSEGV, SEGV_MAPERR
  not_allowed,  // SIGSEGV, SEGV_ACCERR
  past_end,     // SIGBUS, BUS_ADRERR
  no_memory,    // the container's limit or the machine's end: the process dies
};

struct AddressSpaceLimits {
  std::uint64_t address_space = UINT64_MAX;  // bytes, RLIMIT_AS
  std::uint64_t data = UINT64_MAX;           // bytes, RLIMIT_DATA
  std::uint64_t stack = 8_MiB;               // bytes, RLIMIT_STACK
};

struct AddressSpaceUsage {
  std::uint64_t virtual_pages = 0, peak_virtual_pages = 0;
  std::uint64_t resident_pages = 0;  // pages in the page tables
  std::uint64_t shared_pages = 0;    // of these, file pages
  std::uint64_t text_pages = 0, data_pages = 0, stack_pages = 0;  // virtual
  std::uint64_t page_table_pages = 0;
};

class AddressSpace : public Counted<AddressSpace>, public Cached<AddressSpace, "address_space"> {
 public:
  static Result<Ref<AddressSpace>> create(Ref<GuestMemory> memory);
  ~AddressSpace();
  // fork(2): the same mappings; private pages copy on write. Charged to the same memory.
  Result<Ref<AddressSpace>> fork();

  // mmap(2), munmap(2), mprotect(2), mremap(2), madvise(2), msync(2), mincore(2)
  Result<std::uintptr_t> map(const MapRequest& request);
  Result<void> unmap(std::uintptr_t start, std::uint64_t length);
  Result<void> protect(std::uintptr_t start, std::uint64_t length, Protection protection);
  struct Move {
    bool may_move = false;
    bool fixed = false;       // MREMAP_FIXED, to new_address
    bool keep_old = false;    // MREMAP_DONTUNMAP
    std::uintptr_t new_address = 0;
  };
  Result<std::uintptr_t> remap(std::uintptr_t old_start, std::uint64_t old_length, std::uint64_t new_length, Move move);
  enum class Advice : std::uint8_t { nothing, dont_need, free, dont_fork, do_fork, populate_read, populate_write, wipe_on_fork, keep_on_fork };
  Result<void> advise(std::uintptr_t start, std::uint64_t length, Advice advice);
  Result<void> check_mapped(std::uintptr_t start, std::uint64_t length);                       // msync's ENOMEM
  Result<void> resident(std::uintptr_t start, std::uint64_t length, std::span<std::uint8_t>);  // mincore, a byte a page

  // brk(2): where the heap begins is set by exec; returns the end after the call (unchanged on failure).
  void set_heap_start(std::uintptr_t start);
  std::uintptr_t brk(std::uintptr_t end);

  void set_limits(const AddressSpaceLimits& limits);

  // Resolves a page fault (or says why it cannot). Blocks. Also used to make pages present for kernel copies.
  FaultOutcome fault(std::uintptr_t address, arch::Fault::Access access);

  // Copies from or to this address space, which need not be the current one (/proc/PID/mem, ptrace, cmdline). Error::io.
  Result<void> read_memory(std::uintptr_t from, std::span<std::byte> to);
  Result<void> write_memory(std::uintptr_t to, std::span<const std::byte> from);

  // The translation of one address as it is now; false if there is none. For `box mem` and futex keys.
  struct Translation {
    Frame* frame;
    std::uint32_t offset;
    bool writable;
  };
  bool translate(std::uintptr_t address, Translation& translation);
  // What a shared futex word is known by in every process that maps it: the object and offset, or this address space and
  // the address for private memory. Error::fault.
  struct FutexKey {
    const void* identity;
    std::uint64_t offset;
    bool operator==(const FutexKey&) const = default;
  };
  Result<FutexKey> futex_key(std::uintptr_t address);

  // One line of /proc/PID/maps, in order of addresses; starts over at the first mapping that ends beyond `from`.
  struct Description {
    std::uintptr_t start, end;
    Protection protection;
    MapRequest::Sharing sharing;
    std::uint64_t offset;
    Ref<MemoryObject> object;
    std::string_view name;
    std::uint64_t resident_pages;
  };
  bool describe(std::uintptr_t from, Description& description);
  AddressSpaceUsage usage();
  GuestMemory& memory();
  // Charges from now on go here (a process joins or leaves a container).
  void charge_to(Ref<GuestMemory> memory);

  // This processor runs a thread of this address space from now on / no longer.
  void activate();
  void deactivate();

 private:
  // (owner of mm/ completes)
};

}  // namespace cv6
