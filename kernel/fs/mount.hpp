// Mounts: where the root of a file system (or of a view of one) is seen in the tree of files.
//
// Mounts form trees; a container has one of its own, whose root mount is its view of the files (Container::root). A path
// walk never leaves the tree that it begins in: places of another tree (a descriptor that was opened outside) are refused
// with Error::xdev, by comparing tree().
//
// What a mount shows may be a directory or file within a file system (a volume: container/volume.hpp). Then the names above
// its root exist, but not for who is in the mount: `..` of its root leads to where it is attached, and from a directory that
// has been moved out of it nowhere (is_connected in fs/path.hpp).
//
// Ownership: a mount holds the mounts attached below it and its root dentry; whoever is somewhere (root and working
// directories, open files) holds the mount of that place. A mount does not hold its parent: when the last user of a tree's
// root mount goes, the tree comes apart and each mount is freed when nobody is in it any more.
// `mount_lock` (spin) covers the tree's shape.
#pragma once

#include <atomic>
#include <string_view>

#include "fs/inode.hpp"
#include "lib/list.hpp"
#include "lib/ref.hpp"
#include "lib/string.hpp"
#include "lib/tree.hpp"
#include "mm/payer.hpp"

namespace cv6 {

class Dentry;
struct Path;

namespace mount_flag {  // values as in mount(2)
inline constexpr std::uint32_t read_only = 1, no_set_id = 2, no_devices = 4, no_execute = 8, synchronous = 16;
inline constexpr std::uint32_t no_access_time = 1024, relative_access_time = 1u << 21;
// Not one of mount(2)'s: made from above for a container, which can neither detach it nor change its flags.
inline constexpr std::uint32_t locked = 1u << 31;
}  // namespace mount_flag

class Mount : public Counted<Mount>, public Charged<Mount, "mount", 512> {
 public:
  // The root of a new tree: nothing is above it. `source`: what /proc/mounts shows as the device. Error::nomem.
  static Result<Ref<Mount>> create_tree(Ref<Dentry> root, std::string_view source, std::uint32_t flags = 0);
  // The same place as `path`, in a mount of its own with other flags and in a tree of its own: for a walk of the kernel's
  // that may write where `path` may not. What is mounted there is not seen.
  static Result<Path> twin(const Path& path, std::uint32_t flags);
  // Belongs to no tree; for what has a Path but is not in the tree of files (pipes).
  static Result<Ref<Mount>> create_outside(Ref<Dentry> root, std::string_view source);
  static constexpr std::uint64_t no_tree = 0;
  // In one tree: all of them are looked at with a spin lock held that every walk over a mount point takes.
  static constexpr unsigned most_in_tree = 1024;
  // mount(2). Error::notdir (a directory on a file or the reverse), Error::busy (something is mounted right there:
  // a walk to `where` would have led into it), Error::noent (`where` has been removed), Error::nospc (most_in_tree),
  // Error::nomem. Takes the mutex of `where`'s inode.
  static Result<Ref<Mount>> attach(const Path& where, Ref<Dentry> root, std::string_view source, std::uint32_t flags = 0);
  // umount2(2). Detach::when_unused: Error::busy while anybody is in it. Error::inval: `path` is not a mount's root, or
  // that of its tree.
  enum class Detach : std::uint8_t { when_unused, at_once };
  static Result<void> detach(const Path& path, Detach how);

  Dentry& root() const { return *root_; }
  FileSystem& file_system() const { return *file_system_; }
  std::string_view source() const { return source_; }
  std::uint64_t id() const { return id_; }
  std::uint64_t tree() const { return tree_; }
  std::uint32_t flags() const { return flags_.load(std::memory_order_relaxed); }
  void set_flags(std::uint32_t flags) { flags_.store(flags, std::memory_order_relaxed); }  // MS_REMOUNT
  bool read_only() const { return flags() & mount_flag::read_only; }
  bool locked() const { return flags() & mount_flag::locked; }

  // The mount attached here at `dentry`, or null.
  Ref<Mount> mount_at(const Dentry& dentry);
  // Where this mount is attached; an empty Path for the root of a tree.
  Path attached_at();
  // Calls visit(Mount&) for each mount of this tree, in the order in which they were made, until one call fails: its error.
  // Gives way every now and then.
  template <class Visit>
  Result<void> for_each_in_tree(Visit visit) {
    std::uint64_t last = 0;
    while (true) {
      Ref<Mount> some[8];
      const std::size_t count = next_in_tree(last, some);
      for (std::size_t i = 0; i < count; ++i)
        if (some[i]) TRY(visit(*some[i]));
      if (count < std::size(some)) return {};
    }
  }

  void last_reference_gone();

 private:
  template <class T, class... Args>
  friend Result<Ref<T>> make(Args&&...);
  Mount(Ref<Dentry> root, std::uint64_t tree, std::uint32_t flags, String source);
  ~Mount();
  Mount& top_of_tree();
  // The next one when all below `top` are gone through, each before those below it; null: this is the last one.
  Mount* next_below(const Mount& top);
  // Those of the tree with the lowest ids above `last`, in their order, which then is the last one's id. How many: null is
  // one that is just going.
  std::size_t next_in_tree(std::uint64_t& last, std::span<Ref<Mount>, 8> to);
  static Result<Ref<Mount>> create(Ref<Dentry> root, std::uint64_t tree, std::string_view source, std::uint32_t flags);

  Ref<Dentry> root_;
  FileSystem* file_system_;  // held by the root's inode
  String source_;
  std::uint64_t id_;
  std::uint64_t tree_;
  std::atomic<std::uint32_t> flags_;
  Mount* parent_ = nullptr;  // null: the root of a tree, or what was above is gone
  Ref<Dentry> attached_at_;  // in the parent
  Mount* next_gone_ = nullptr;

 public:
  TreeNode sibling_node;  // among the parent's children, which hold one count

 private:
  struct ByPlace {
    std::uintptr_t operator()(const Mount& mount) const { return key(*mount.attached_at_); }
    static std::uintptr_t key(const Dentry& place) { return reinterpret_cast<std::uintptr_t>(&place); }
  };
  Tree<Mount, &Mount::sibling_node, ByPlace> children_;
};

// File systems that mount(2) can make by name.
struct FileSystemType {
  std::string_view name;
  // A root for a new instance, or the one there is (procfs). `options`: mount(2)'s data. Error::inval, Error::nomem.
  Result<Ref<Dentry>> (*make)(std::string_view source, std::string_view options, GuestMemory& owner);
  ListNode node;
};
void register_file_system(FileSystemType& type);        // at boot; lives forever
FileSystemType* find_file_system(std::string_view name);  // null: Error::nodev for the caller
void for_each_file_system(void (*visit)(const FileSystemType& type, void* context), void* context);

}  // namespace cv6
