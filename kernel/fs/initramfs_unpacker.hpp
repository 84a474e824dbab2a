// Puts the entries of an archive into a file system (private to initramfs*.cpp).
#pragma once

#include "arch/mmu.hpp"
#include "fs/inode.hpp"
#include "lib/hash_table.hpp"

namespace cv6 {

struct ArchiveEntry {
  struct Identity {
    std::uint32_t number = 0;
    DeviceNumber device = 0;
    bool operator==(const Identity&) const = default;
  };
  std::string_view name;
  std::string_view data;
  FileType type = FileType::regular;
  Mode mode = 0;
  std::uint32_t user = 0, group = 0, links = 0;
  Nanoseconds modified = 0;
  DeviceNumber represents = 0;
  std::uint64_t size = 0;
  Identity identity;
};

class InitramfsUnpacker {
 public:
  InitramfsUnpacker(Ref<Inode> root, arch::PhysicalAddress start, std::uint64_t size, GuestMemory& owner)
      : root_(std::move(root)), free_from_(start), end_(start + page_ceiling(size)), owner_(owner) {}
  // Gives what is left of the range to the frame allocator.
  ~InitramfsUnpacker();

  // Makes what the entry says; what has its name already is replaced, but for directories. Everything of the archive
  // before the entry is not needed any more.
  Result<void> add(const ArchiveEntry& entry);
  void end_of_archive();  // inode numbers mean something else from now on

 private:
  // A file with several names, of which the archive has not shown all yet.
  struct Shared {
    ArchiveEntry::Identity identity;
    Ref<Inode> inode;
    HashNode node;
  };
  struct ByIdentity {
    static ArchiveEntry::Identity key(const Shared& shared) { return shared.identity; }
    static std::uint64_t hash(const ArchiveEntry::Identity& id) { return mix(std::uint64_t{id.device} << 32 | id.number); }
    static bool equal(const Shared& shared, const ArchiveEntry::Identity& id) { return shared.identity == id; }
  };

  Result<Ref<Inode>> parent_of(std::string_view directory);
  Result<Ref<Inode>> place(Inode& parent, std::string_view name, const ArchiveEntry& entry);
  Result<Ref<Inode>> make(Inode& parent, std::string_view name, const ArchiveEntry& entry);
  Result<void> fill(Inode& file, std::string_view data);
  static void set_attributes(Inode& inode, const ArchiveEntry& entry);

  Ref<Inode> root_;
  arch::PhysicalAddress free_from_;  // what is before has been given away
  arch::PhysicalAddress end_;
  GuestMemory& owner_;
  HashTable<Shared, &Shared::node, ByIdentity> shared_;
  // The directory of the entry before: most entries are in the same.
  Ref<Inode> last_directory_;
  char last_directory_name_[128];
  std::size_t last_directory_size_ = 0;
};

}  // namespace cv6
