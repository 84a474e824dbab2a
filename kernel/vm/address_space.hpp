// What a process can address: an ordered set of mappings, and page tables that are a cache of them.
//
// A Mapping says for a range of addresses what is there: anonymous memory (zero at first), or pages of a MemoryObject,
// shared or private. Page table entries are made at the first access (demand), and may be dropped at any time: the next
// access makes them again. Private pages that two address spaces use after fork are mapped read-only in both and copied
// by whoever writes first.
//
// Locks: `lock_` (a sleeping read-write lock) protects the mappings: faults take it shared, changes exclusive. The page
// table's own spin lock protects entries. Flushes of other processors are batched and done once per operation. Objects
// are asked for pages with no lock held, and let go after it, since they have locks that come before.
//
// An operation that fails for want of memory has changed nothing that a program can see: what it needs is taken before
// the first change. Private memory is promised, not reserved (like Linux' default): only a request for more than the
// machine has is refused at once.
//
// Addresses and lengths come from programs and are checked here; errors are those of the Linux calls named.
#pragma once

#include <cstdint>
#include <span>

#include "arch/upcalls.hpp"
#include "arch/user_memory.hpp"
#include "mm/guest_memory.hpp"
#include "mm/payer.hpp"
#include "sched/mutex.hpp"
#include "vm/mapping_set.hpp"
#include "vm/page_cache.hpp"
#include "vm/page_table.hpp"

namespace cv6 {

struct MapRequest {
  enum class Place : std::uint8_t { anywhere, hint, fixed, fixed_no_replace };
  using Sharing = Mapping::Sharing;
  std::uintptr_t address = 0;
  std::uint64_t length = 0;
  Place place = Place::anywhere;
  Sharing sharing = Sharing::private_;
  Protection protection{};
  Protection allowed{.read = true, .write = true, .execute = true};  // what mprotect may give later
  bool grows_down = false;                                           // MAP_GROWSDOWN
  bool populate = false;
  bool reserve = true;  // false, MAP_NORESERVE: may be larger than the machine
  Ref<MemoryObject> object{};  // null: anonymous
  Ref<MappedPlace> found_at{};
  std::uintptr_t lowest = arch::user_start;  // of a fixed address
  std::uint64_t offset = 0;    // into the object, page-aligned
  std::string_view name{};     // for /proc/PID/maps, must live forever: "[heap]", "[stack]"
};

// What became of a page fault.
enum class FaultOutcome : std::uint8_t {
  resolved,
  no_mapping,   // SIGSEGV, SEGV_MAPERR
  not_allowed,  // SIGSEGV, SEGV_ACCERR
  past_end,     // SIGBUS, BUS_ADRERR
  no_memory,    // the container's limit or the machine's end: a process dies
  no_space,     // the object could not make a page, for want of memory or for a limit of its own (SIGBUS)
};

struct AddressSpaceLimits {
  std::uint64_t address_space = UINT64_MAX;  // bytes, RLIMIT_AS
  std::uint64_t data = UINT64_MAX;           // bytes, RLIMIT_DATA
  std::uint64_t stack = 8_MiB;               // bytes, RLIMIT_STACK
};

struct AddressSpaceUsage {
  std::uint64_t virtual_pages = 0, peak_virtual_pages = 0;
  std::uint64_t resident_pages = 0;                               // pages in the page tables
  std::uint64_t shared_pages = 0;                                 // of these, file pages
  std::uint64_t text_pages = 0, data_pages = 0, stack_pages = 0;  // virtual
  std::uint64_t page_table_pages = 0;
};

class AddressSpace : public Counted<AddressSpace>, public Charged<AddressSpace, "address_space"> {
 public:
  static Result<Ref<AddressSpace>> create(Ref<GuestMemory> memory);
  ~AddressSpace();
  static constexpr std::uint64_t most_mappings = 65530;  // Linux' vm.max_map_count: walks over all of them stay short
  // fork(2): the same mappings; private pages copy on write. Charged to the same memory.
  Result<Ref<AddressSpace>> fork();
  // Every page of private memory that may be written comes to be there and nobody else's: nothing is left that could fail
  // later for want of memory. Error::nomem.
  Result<void> own_all_pages();

  // mmap(2), munmap(2), mprotect(2), mremap(2), madvise(2), msync(2), mincore(2). Error::nomem if there would be more than
  // most_mappings, where a mapping is split too.
  Result<std::uintptr_t> map(const MapRequest& request);
  Result<void> unmap(std::uintptr_t start, std::uint64_t length);
  Result<void> protect(std::uintptr_t start, std::uint64_t length, Protection protection);
  struct Move {
    bool may_move = false;
    bool fixed = false;     // MREMAP_FIXED, to new_address
    bool keep_old = false;  // MREMAP_DONTUNMAP
    std::uintptr_t new_address = 0;
  };
  Result<std::uintptr_t> remap(std::uintptr_t old_start, std::uint64_t old_length, std::uint64_t new_length, Move move);
  enum class Advice : std::uint8_t {
    nothing,
    dont_need,
    free,
    dont_fork,
    do_fork,
    populate_read,
    populate_write,
    wipe_on_fork,
    keep_on_fork
  };
  Result<void> advise(std::uintptr_t start, std::uint64_t length, Advice advice);
  Result<void> check_mapped(std::uintptr_t start, std::uint64_t length);                       // msync's ENOMEM
  Result<void> resident(std::uintptr_t start, std::uint64_t length, std::span<std::uint8_t>);  // mincore, a byte a page

  // brk(2): where the heap begins is set by exec; returns the end after the call (unchanged on failure).
  void set_heap_start(std::uintptr_t start, Protection protection = {.read = true, .write = true});
  std::uintptr_t heap_start();
  std::uintptr_t heap_end();
  std::uintptr_t brk(std::uintptr_t end);

  void set_limits(const AddressSpaceLimits& limits);

  // Resolves a page fault (or says why it cannot). Blocks. Also used to make pages present for kernel copies.
  FaultOutcome fault(std::uintptr_t address, arch::Fault::Access access);

  // Copies from or to this address space, which need not be the current one (/proc/PID/mem, ptrace, cmdline).
  // Error::io.
  Result<void> read_memory(std::uintptr_t from, std::span<std::byte> to);
  Result<void> write_memory(std::uintptr_t to, std::span<const std::byte> from);

  // The translation of one address as it is now; false if there is none. For `box mem` and futex keys.
  struct Translation {
    Frame* frame;
    std::uint32_t offset;
    bool writable;
  };
  bool translate(std::uintptr_t address, Translation& translation);
  // What a shared futex word is known by in every process that maps it: the object's serial number and the offset, or this
  // address space and the address for private memory. Who sleeps has the address space, but not the object, which another
  // thread may unmap meanwhile: so it is not the object's address. Error::fault.
  struct FutexKey {
    const AddressSpace* space;  // null: shared memory
    std::uint64_t object;       // 0: private memory
    std::uint64_t offset;
    static FutexKey of_private(const AddressSpace& space, std::uintptr_t address) { return {&space, 0, address}; }
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
    Ref<MappedPlace> found_at;
    std::string_view name;
  };
  bool describe(std::uintptr_t from, Description& description);

  // One address through every stage, as it is at one moment.
  struct Walk {
    Description mapping{};
    unsigned levels = 0;                          // entries that were looked at, the root's first
    arch::PageEntry entries[arch::table_levels];
    FrameFacts tables[arch::table_levels];        // in which each entry is
    bool has_page = false;                        // else nothing is there yet: an access would fault first
    FrameFacts page;
  };
  // Error::fault: nothing is mapped there.
  Result<void> walk(std::uintptr_t address, Walk& walk);
  // Pages in a row that lie in a row in their owner's memory and in the machine's as well.
  struct Run {
    std::uintptr_t address = 0;
    std::uint32_t pages = 0;
    arch::PageEntry entry;   // the first one's; the others allow the same
    FrameFacts page;         // the first one; the others have as many users
    Description mapping{};
  };
  // The first run from `from` on, or a part of it. False: there are no more pages. Gives way.
  bool next_run(std::uintptr_t from, Run& run);
  AddressSpaceUsage usage();
  std::uint64_t resident_pages();  // of these, without blocking
  // The first page from `from` on that is in the page tables; `end`: none before it. Gives way.
  std::uintptr_t next_resident(std::uintptr_t from, std::uintptr_t end);
  GuestMemory& memory() NO_THREAD_SAFETY_ANALYSIS { return *memory_; }
  // Charges from now on go here (a process joins or leaves a container).
  void charge_to(Ref<GuestMemory> memory);

  // This processor runs a thread of this address space from now on. There is nothing to do when it stops: the tables
  // stay loaded until the processor needs others, so that going idle and back costs nothing.
  void activate() { table_.loaded.activate(); }
  void deactivate() {}
  // membarrier(2): a memory barrier on every processor that may run a thread of this address space.
  void barrier() const { table_.loaded.barrier(); }

 private:
  struct Recycle {
    AddressSpace* space;
    void operator()(Mapping* mapping) const;
  };
  // A Mapping that is charged for but not in use: taken before a change, so that the change cannot fail.
  using Spare = std::unique_ptr<Mapping, Recycle>;
  // What is done to the pages of one mapping after the other gives way after each of them, and after so much of one.
  static constexpr std::uint64_t step = 64_MiB;
  static constexpr unsigned tables_of_step = step / (page_size * page_size / sizeof(arch::PageEntry));
  // Tables go so much at a time: some hundred of them at most.
  static constexpr std::uint64_t span_of_tables = 1_GiB;
  // Mappings that are gone; they, and with them their objects, are let go when lock_ is not held any more.
  struct Graveyard {
    ~Graveyard();
    List<Mapping, &Mapping::gone_node> mappings;
  };
  struct Fetch;
  struct Found;

  explicit AddressSpace(Ref<GuestMemory> memory);

  // --- address_space.cpp: mappings and what they cost ---
  Result<Spare> spare() REQUIRES(lock_);
  void uncharge_mapping() REQUIRES(lock_);
  void account(const Mapping& mapping, std::int64_t sign) REQUIRES(lock_);
  void insert(Spare mapping) REQUIRES(lock_);
  void erase(Mapping& mapping, Graveyard& gone) REQUIRES(lock_);
  Result<void> split_at(std::uintptr_t address) REQUIRES(lock_);
  // So that no mapping reaches over `start` or `end`.
  Result<void> isolate(std::uintptr_t start, std::uintptr_t end) REQUIRES(lock_);
  // Joins what can be one mapping, from the one before `start` to the one after `end`.
  void merge(std::uintptr_t start, std::uintptr_t end, Graveyard& gone) REQUIRES(lock_);
  void set_end(Mapping& mapping, std::uintptr_t end) REQUIRES(lock_);
  // Every address in the range is mapped.
  bool covered(std::uintptr_t start, std::uintptr_t end) const REQUIRES_SHARED(lock_);
  // RLIMIT_AS and RLIMIT_DATA, for so many bytes more. Error::nomem.
  Result<void> check_limits(std::uint64_t added, std::uint64_t replaced) const REQUIRES(lock_);
  Result<void> check_data_limit(std::uint64_t added) const REQUIRES(lock_);
  // Counts for RLIMIT_DATA: private, writable, no stack.
  static bool is_data(const Mapping& mapping) {
    return mapping.is_private() && mapping.protection.write && !mapping.grows_down;
  }

  // --- address_space_map.cpp ---
  Result<std::uintptr_t> place(const MapRequest& request, std::uint64_t length) const REQUIRES(lock_);
  std::uintptr_t find_free(std::uint64_t length) const REQUIRES(lock_);
  std::uint64_t mapped_within(std::uintptr_t start, std::uintptr_t end) const REQUIRES(lock_);
  Result<std::uintptr_t> map_locked(const MapRequest& request, std::uint64_t length, Graveyard& gone) REQUIRES(lock_);
  // Removes all mappings within a range that isolate() prepared; and the tables that nothing else needs.
  void remove_isolated(std::uintptr_t start, std::uintptr_t end, Graveyard& gone) REQUIRES(lock_);
  void free_tables(std::uintptr_t start, std::uintptr_t end) REQUIRES(lock_);
  // The same where mappings may be left: the tables that serve only what is free between them.
  void free_tables_between_mappings(std::uintptr_t start, std::uintptr_t end) REQUIRES(lock_);
  void unmap_isolated(std::uintptr_t start, std::uintptr_t end, Graveyard& gone) REQUIRES(lock_);
  // Gives way between parts, and at the end: whoever goes from one mapping to the next need not.
  void clear_pages(std::uintptr_t start, std::uintptr_t end, Mapping::Pages pages);
  Result<void> grow_heap(std::uintptr_t from, std::uintptr_t to, Graveyard& gone) REQUIRES(lock_);
  Result<void> populate(std::uintptr_t start, std::uintptr_t end, arch::Fault::Access access);

  // --- address_space_change.cpp ---
  void protect_pages(const Mapping& mapping);
  Result<void> check_protect(std::uintptr_t start, std::uintptr_t end, Protection protection) const REQUIRES(lock_);
  Result<void> drop_pages(std::uintptr_t start, std::uintptr_t end, Advice advice);
  Result<void> mark_for_fork(std::uintptr_t start, std::uintptr_t end, Advice advice);

  // --- address_space_remap.cpp ---
  Result<std::uintptr_t> remap_locked(std::uintptr_t start, std::uint64_t old_length, std::uint64_t new_length,
                                      Move move, Graveyard& gone) REQUIRES(lock_);
  Result<bool> extend(Mapping& mapping, std::uint64_t added) REQUIRES(lock_);
  Result<std::uintptr_t> move_mapping(std::uintptr_t start, std::uint64_t old_length, std::uint64_t new_length,
                                      Move move, Graveyard& gone) REQUIRES(lock_);
  Result<void> prepare_tables(std::uintptr_t from, std::uint64_t length, std::uintptr_t to) REQUIRES(lock_);
  void move_pages(std::uintptr_t from, std::uint64_t length, std::uintptr_t to) REQUIRES(lock_);

  // --- address_space_fork.cpp ---
  Result<void> copy_mapping(const Mapping& mapping, AddressSpace& child, FlushBatch& batch) REQUIRES(lock_);
  Result<void> copy_pages(const Mapping& mapping, AddressSpace& child, FlushBatch& batch);

  // --- address_space_fault.cpp ---
  enum class Attempt : std::uint8_t { resolved, no_mapping, not_allowed, no_memory, grow, fetch };
  Attempt attempt(std::uintptr_t address, arch::Fault::Access access, Fetch& fetch);
  Attempt act(Found& found, arch::Fault::Access access, Fetch& fetch) REQUIRES_SHARED(lock_);
  FaultOutcome grow_stack(std::uintptr_t address);
  Attempt install(Found& found, Frame* page, arch::PageRights rights) REQUIRES_SHARED(lock_);
  Attempt map_object(Found& found, Fetch& fetch) REQUIRES_SHARED(lock_);
  Attempt map_object_writable(Found& found, Fetch& fetch) REQUIRES_SHARED(lock_);
  Attempt copy(Found& found, const FrameRef& source) REQUIRES_SHARED(lock_);
  Attempt copy_object(Found& found, Fetch& fetch) REQUIRES_SHARED(lock_);
  Attempt copy_page(Found& found) REQUIRES_SHARED(lock_);
  Attempt allow_writing(Found& found) REQUIRES_SHARED(lock_);

  // --- address_space_walk.cpp ---
  static Description description_of(const Mapping& mapping);
  void measure_run(std::uintptr_t start, std::uintptr_t end, Run& run) REQUIRES_SHARED(lock_) REQUIRES(table_.lock);

  // --- address_space_inspect.cpp ---
  template <class Copy>
  Result<void> access_memory(std::uintptr_t address, std::size_t size, arch::Fault::Access access, Copy copy);

  ReadWriteMutex lock_;
  PageTable table_;
  MappingSet mappings_ GUARDED_BY(lock_);
  Ref<GuestMemory> memory_ GUARDED_BY(lock_);             // who is charged for new pages and tables
  Ref<GuestMemory> mappings_memory_ GUARDED_BY(lock_);    // and for the Mapping objects
  std::uint64_t mappings_charged_ GUARDED_BY(lock_) = 0;  // pages
  std::uint64_t mapping_count_ GUARDED_BY(lock_) = 0;     // spares included
  std::uint64_t last_stamp_ GUARDED_BY(lock_) = 0;
  std::uint64_t virtual_pages_ GUARDED_BY(lock_) = 0;
  std::uint64_t peak_virtual_pages_ GUARDED_BY(lock_) = 0;
  std::uint64_t data_pages_ GUARDED_BY(lock_) = 0;  // of mappings that are is_data()
  AddressSpaceLimits limits_ GUARDED_BY(lock_);
  std::uintptr_t heap_start_ GUARDED_BY(lock_) = 0;
  std::uintptr_t heap_end_ GUARDED_BY(lock_) = 0;
  Protection heap_protection_ GUARDED_BY(lock_);
};

}  // namespace cv6
