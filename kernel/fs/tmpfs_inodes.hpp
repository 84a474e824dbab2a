// The inodes of tmpfs (private to tmpfs*.cpp and initramfs.cpp).
//
// A directory keeps its entries twice: by name in a hash table, and in the order of their cookies in a tree. A cookie is
// a number that only grows, given when the entry is made: so a position in the directory stays valid whatever comes and
// goes, and what is there all the time is listed exactly once.
#pragma once

#include "fs/dentry.hpp"
#include "fs/inode.hpp"
#include "fs/memory_meter.hpp"
#include "fs/paged_inode.hpp"
#include "fs/tmpfs.hpp"
#include "lib/hash_table.hpp"
#include "lib/string.hpp"
#include "lib/tree.hpp"
#include "mm/object_cache.hpp"

namespace cv6::tmpfs {

// What an inode is charged, whatever its kind: its object, and its share of the tables that hold it.
inline constexpr std::size_t inode_charge = 512;

class TmpfsFileSystem final : public FileSystem {
 public:
  TmpfsFileSystem(Ref<GuestMemory> owner, const Options& options)
      : meter_(std::move(owner)), max_inodes_(options.max_inodes), type_name_(options.type_name) {}
  std::string_view type_name() const override { return type_name_; }
  FileSystemStatus status() override;

  // Error::nospc.
  Result<Ref<Inode>> make_inode(const NewInode& wanted);
  void inode_gone(std::size_t charged);
  MemoryMeter& meter() { return meter_; }

 private:
  Result<void> count_inode(std::size_t bytes);

  MemoryMeter meter_;
  std::uint64_t max_inodes_;
  std::string_view type_name_;
  std::atomic<std::uint64_t> inodes_{0};
};

// A name in a directory. The bytes of the name follow the object.
class Entry {
 public:
  static Result<Entry*> create(const ComponentName& name, TmpfsFileSystem& file_system);
  static void destroy(Entry* entry, TmpfsFileSystem& file_system);
  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), name_size_}; }
  std::uint32_t hash() const { return hash_; }

  Ref<Inode> inode;
  std::uint64_t cookie = 0;
  HashNode by_name;
  TreeNode by_cookie;

 private:
  explicit Entry(const ComponentName& name)
      : hash_(name.hash), name_size_(static_cast<std::uint16_t>(name.text.size())) {}
  std::size_t charge() const { return sizeof(Entry) + name_size_; }
  std::uint32_t hash_;
  std::uint16_t name_size_;
};

class Directory final : public Inode, public Cached<Directory, "tmpfs_directory"> {
 public:
  using Inode::Inode;
  ~Directory() override;

  Result<Ref<Inode>> lookup(std::string_view name) override;
  Result<Ref<Inode>> create(std::string_view name, const NewInode& wanted) override;
  Result<Ref<Inode>> create_unnamed(const NewInode& wanted) override;
  Result<void> link(std::string_view name, Inode& target) override;
  Result<void> unlink(std::string_view name, Inode& victim) override;
  Result<void> remove_directory(std::string_view name, Inode& victim) override;
  Result<void> rename(std::string_view name, Inode& source, Inode& to_directory, std::string_view to_name,
                      Inode* target, RenameMode mode) override;
  Result<void> iterate(std::uint64_t& position, DirectorySink& sink) override;
  bool empty() const { return by_cookie_.empty(); }

 private:
  struct ByName {
    static ComponentName key(const Entry& entry) { return {entry.name(), entry.hash()}; }
    static std::uint64_t hash(const ComponentName& name) { return name.hash; }
    static bool equal(const Entry& entry, const ComponentName& name) {
      return entry.hash() == name.hash && entry.name() == name.text;
    }
  };
  struct ByCookie {
    std::uint64_t operator()(const Entry& entry) const { return entry.cookie; }
  };

  TmpfsFileSystem& tmpfs() const { return static_cast<TmpfsFileSystem&>(file_system()); }
  Entry* find(std::string_view name) const { return by_name_.find(ComponentName::of(name)); }
  void add(Entry& entry, Ref<Inode> inode);
  void remove(Entry& entry);
  void count_entries();
  void count_subdirectory(int change);
  Result<void> exchange(Entry& mine, Directory& to, Entry& theirs);

  HashTable<Entry, &Entry::by_name, ByName> by_name_;
  Tree<Entry, &Entry::by_cookie, ByCookie> by_cookie_;
  std::uint64_t next_cookie_ = first_position;
};

class RegularFile final : public PagedInode, public Cached<RegularFile, "tmpfs_file"> {
 public:
  RegularFile(Ref<FileSystem> file_system, const Identity& identity, Ref<GuestMemory> owner)
      : PagedInode(std::move(file_system), identity, std::move(owner)) {}
  ~RegularFile() override;
};

class Symlink final : public Inode, public Cached<Symlink, "tmpfs_symlink"> {
 public:
  Symlink(Ref<FileSystem> file_system, const Identity& identity, String target)
      : Inode(std::move(file_system), identity), target_(std::move(target)) {
    set_size(target_.size());
  }
  ~Symlink() override;
  Result<std::size_t> read_link(std::span<char> to) override;

 private:
  String target_;
};

// Devices, fifos, sockets.
class SpecialFile final : public Inode, public Cached<SpecialFile, "tmpfs_special_file"> {
 public:
  using Inode::Inode;
  ~SpecialFile() override;
  GuestMemory& charged_to() override;
};

}  // namespace cv6::tmpfs
