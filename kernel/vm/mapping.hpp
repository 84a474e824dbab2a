// What is at one range of addresses of an address space. vm/address_space.hpp has the whole picture.
//
// Fields are changed with the address space's lock held exclusively; `start`, `end` and `offset` of a mapping of an
// object also with the object's (MemoryObject::change_mappings), because caches look at them through the reverse map.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "arch/upcalls.hpp"
#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "lib/tree.hpp"
#include "lib/units.hpp"
#include "mm/object_cache.hpp"

namespace cv6 {

class MemoryObject;
class PageTable;

struct Protection {
  bool read : 1 = false;
  bool write : 1 = false;
  bool execute : 1 = false;
  bool operator==(const Protection&) const = default;
  bool none() const { return !read && !write && !execute; }
  // Processors that can write or execute a page can read it.
  bool allows(arch::Fault::Access access) const {
    using Access = arch::Fault::Access;
    return access == Access::write ? write : access == Access::execute ? execute : !none();
  }
  bool within(Protection allowed) const {
    return (!read || allowed.read) && (!write || allowed.write) && (!execute || allowed.execute);
  }
};

// Where an object was found that is mapped. Only the layers above know what that is: see fs/mapped_file.hpp.
class MappedPlace : public Counted<MappedPlace> {
 public:
  virtual ~MappedPlace() = default;
};

class Mapping : public Cached<Mapping, "mapping"> {
 public:
  // Below a stack this much stays free: a stack that runs over hits nothing (256 pages, as on Linux).
  static constexpr std::uint64_t guard_gap = 256 * page_size;
  enum class Sharing : std::uint8_t { private_, shared };

  explicit Mapping(PageTable& page_table);
  ~Mapping();

  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  std::uint64_t offset = 0;  // of `start` in the object
  Ref<MemoryObject> object;  // null: anonymous memory
  Ref<MappedPlace> found_at;  // null: the object has no name
  std::string_view name;
  Protection protection;
  Protection allowed;
  Sharing sharing = Sharing::private_;
  bool grows_down = false;
  // Tells apart mappings of one address space that map an address one after the other: another one when it grows.
  std::uint64_t stamp = 0;
  bool copied_by_fork = true;
  bool wiped_by_fork = false;
  std::atomic<bool> has_copies{false};  // a private mapping of an object: some pages were copied, and are its own
  std::atomic<std::uint32_t> changes{
      0};  // of the object's pages: whoever maps one looks before and after (AddressSpace::install)

  std::uint64_t length() const { return end - start; }
  bool contains(std::uintptr_t address) const { return address >= start && address < end; }
  bool anonymous() const { return !object; }
  bool is_private() const { return sharing == Sharing::private_; }
  std::uintptr_t guarded_start() const { return !grows_down ? start : start > guard_gap ? start - guard_gap : 0; }
  std::uint64_t index_of(std::uintptr_t address) const { return (offset + (address - start)) >> page_shift; }
  // Everything but the place: a piece of this mapping from `from` to `to` in `piece`.
  void copy_to(Mapping& piece, std::uintptr_t from, std::uintptr_t to) const;
  // One mapping could stand for both.
  bool continues_in(const Mapping& next) const;

  // --- for MemoryObject, which holds its lock ---
  // Which pages: those of the object only, or those that a private mapping has copied as well.
  enum class Pages : std::uint8_t { of_object, all };
  // `most` of them at the most; how many that were.
  std::uint64_t unmap(std::uint64_t first, std::uint64_t last, Pages pages, std::uint64_t most = UINT64_MAX);
  std::uint64_t first_index() const { return offset >> page_shift; }
  std::uint64_t last_index() const { return (offset + length() - 1) >> page_shift; }
  std::uint64_t write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most = UINT64_MAX);

  PageTable& table;

  TreeNode object_node;              // in the object's mappings, with a summary of what is below:
  std::uint64_t subtree_last = 0;    // the greatest last_index()
  ListNode gone_node;                // among those that are gone (AddressSpace::Graveyard)
  TreeNode node;                     // in the address space's MappingSet, with a summary of what is below:
  std::uintptr_t subtree_start = 0;  // guarded start of the first
  std::uintptr_t subtree_end = 0;    // end of the last
  std::uint64_t subtree_gap = 0;     // the longest free range between them
};

}  // namespace cv6
