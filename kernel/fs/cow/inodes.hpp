// The kinds of inodes of a view (private to fs/cow/). fs/cow/file_system.hpp explains how they hang together.
#pragma once

#include "fs/cow/file_system.hpp"
#include "fs/paged_inode.hpp"
#include "lib/tree.hpp"
#include "mm/object_cache.hpp"

namespace cv6::cow {

// A name in a directory. The bytes of the name follow the object.
class Entry {
 public:
  static Result<Entry*> create(std::string_view name, ViewFileSystem& view);  // Error::nospc
  static void destroy(Entry* entry, ViewFileSystem& view);
  ComponentName name() const { return {{reinterpret_cast<const char*>(this + 1), name_size_}, hash_}; }

  Ref<Inode> inode;           // null: a whiteout
  bool from_below = false;    // it stands in the place of a name below, and is listed there as long as that exists
  std::uint64_t cookie = 0;
  HashNode by_name;
  TreeNode by_cookie;

 private:
  explicit Entry(const ComponentName& name)
      : hash_(name.hash), name_size_(static_cast<std::uint16_t>(name.text.size())) {}
  std::uint32_t hash_;
  std::uint16_t name_size_;
};

// An entry that may be needed: what is not used is freed, after the lock.
class SpareEntry {
 public:
  explicit SpareEntry(ViewFileSystem& view) : view_(view) {}
  ~SpareEntry() {
    if (entry_) Entry::destroy(entry_, view_);
  }
  SpareEntry(const SpareEntry&) = delete;
  SpareEntry& operator=(const SpareEntry&) = delete;
  Result<void> make(std::string_view name) {
    entry_ = TRY(Entry::create(name, view_));
    return {};
  }
  Entry* use() { return std::exchange(entry_, nullptr); }
  void put_back(Entry* entry) { entry_ = entry; }

 private:
  ViewFileSystem& view_;
  Entry* entry_ = nullptr;
};

class Directory final : public Inode, public Cached<Directory, "view_directory"> {
 public:
  Directory(Ref<FileSystem> view, const Identity& identity, std::uint64_t number, Ref<Inode> lower);
  ~Directory() override;

  FileStatus status() override;
  Result<void> take_over() override;
  std::uint64_t entries_version() const override;

  Result<Ref<Inode>> lookup(std::string_view name) override;
  Result<Ref<Inode>> create(std::string_view name, const NewInode& wanted) override;
  Result<Ref<Inode>> create_unnamed(const NewInode& wanted) override;
  Result<void> link(std::string_view name, Inode& target) override;
  Result<void> unlink(std::string_view name, Inode& victim) override;
  Result<void> remove_directory(std::string_view name, Inode& victim) override;
  Result<void> rename(std::string_view name, Inode& source, Inode& to_directory, std::string_view to_name,
                      Inode* target, RenameMode mode) override;
  Result<void> iterate(std::uint64_t& position, DirectorySink& sink) override;

  Part& part() { return part_; }
  ViewFileSystem& view() const { return view_of(*this); }
  // The directory below, if that is of a view as well.
  Directory* lower_view_directory() const;

  // --- view().lock() is held ------------------------------------------------------------------------------------------
  Entry* find(std::string_view name) const { return by_name_.find(ComponentName::of(name)); }
  Entry* first_from(std::uint64_t cookie) const { return by_cookie_.lower_bound(cookie); }
  // `name` is `inode` (null: a whiteout) from now on; `spare` is used if there was no entry. Returns what was there.
  enum class Origin : std::uint8_t { below, view };
  Ref<Inode> put(std::string_view name, Ref<Inode> inode, Origin origin, SpareEntry& spare);
  // The name is not in the overlay any more; the entry is given to `spare`.
  void drop(std::string_view name, SpareEntry& spare);

 private:
  friend class Levels;
  struct ByName {
    static ComponentName key(const Entry& entry) { return entry.name(); }
    static std::uint64_t hash(const ComponentName& name) { return name.hash; }
    static bool equal(const Entry& entry, const ComponentName& name) {
      return entry.name().hash == name.hash && entry.name().text == name.text;
    }
  };
  struct ByCookie {
    std::uint64_t operator()(const Entry& entry) const { return entry.cookie; }
  };

  Result<void> change();
  Result<bool> is_empty();
  Result<bool> exists_below(std::string_view name);
  Result<void> leave(std::string_view name);
  void count_name_gone(Inode& victim);
  Result<void> exchange(std::string_view name, Inode& source, Directory& to, std::string_view to_name, Inode& target);
  void count_subdirectory(int change) { subdirectories_.fetch_add(change, std::memory_order_relaxed); }
  void free_entries();

  Part part_;
  Mutex taking_over_;
  std::atomic<int> subdirectories_{0};  // more than below
  HashTable<Entry, &Entry::by_name, ByName> by_name_;
  Tree<Entry, &Entry::by_cookie, ByCookie> by_cookie_;
  std::uint64_t next_cookie_ = first_position;
};

// An entry copied out of its lock.
struct CopiedEntry {
  char bytes[name_max];
  std::size_t size;
  std::uint64_t cookie;
  Ref<Inode> inode;
  bool from_below;
  std::string_view name() const { return {bytes, size}; }
};
// The directory's first own entry with a cookie >= `from`. False: there is none.
bool copy_next(Directory& directory, std::uint64_t from, CopiedEntry& copy);

class RegularFile final : public PagedInode, public Cached<RegularFile, "view_file"> {
 public:
  RegularFile(Ref<FileSystem> view, const Identity& identity, std::uint64_t number, Ref<Inode> lower);
  ~RegularFile() override;
  Result<void> take_over() override;
  Part& part() { return part_; }

 private:
  Result<bool> take_over_from(Inode& source);

  Part part_;
  Mutex taking_over_;  // comes after every inode's mutex of this view and before those below
};

// Symlinks, devices, fifos, sockets.
class Node final : public Inode, public Cached<Node, "view_node"> {
 public:
  Node(Ref<FileSystem> view, const Identity& identity, std::uint64_t number, Ref<Inode> lower, String target);
  ~Node() override;
  Result<void> take_over() override;
  Result<std::size_t> read_link(std::span<char> to) override;
  GuestMemory& charged_to() override { return *view_of(*this).meter().owner(); }
  Part& part() { return part_; }

 private:
  Part part_;
  Mutex taking_over_;
  String target_;  // of a symlink made in the view
};

// The directories that a directory of a view of views ... consists of, from the top down.
class Levels {
 public:
  explicit Levels(Directory& top);
  unsigned count() const { return count_; }
  Directory& operator[](unsigned level) const { return *directories_[level]; }
  Inode* base() const { return base_; }  // the directory that is of no view; null: a view made the lowest one

  // What `name` means from level `from` down, as an inode of level `found_at` (count(): of the base). Error::noent.
  Result<Ref<Inode>> find(std::string_view name, unsigned from, unsigned& found_at) const;

 private:
  Directory* directories_[max_depth];
  unsigned count_ = 0;
  Inode* base_ = nullptr;
};

}  // namespace cv6::cow
