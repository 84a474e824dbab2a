// The dentry cache: what a name in a directory was found to mean, so that the next walk need not ask the file system.
//
// A dentry is a name in a parent and the inode that it names; one without an inode is negative: there is no such file.
// It is made by a lookup, hangs in its parent's table (which counts as one use), and stays there while nobody uses it
// until the shrinker wants its memory. A dentry that has been unlinked is in no table and lives as long as it is used:
// open files keep their name this way. Nobody pays for dentries and tables, which are bounded by how many dentries there may
// be: tables that become emptier shrink.
//
// Locks. `lock_` covers the table of children; looking a child up takes it, compares, counts the child's new use, and
// nothing else. Parent and name change only by rename, under `tree_lock` (spin) and with both directories' mutexes held,
// while the dentry is in no table: whoever has the lock of its table may read its name; everybody else reads under
// `tree_lock` (parent(), path_text() in fs/path.hpp). The inode is set once. A dentry holds its parent and its inode.
#pragma once

#include <atomic>
#include <string_view>

#include "fs/inode.hpp"
#include "lib/bytes.hpp"
#include "lib/hash_table.hpp"
#include "lib/keyed_hash.hpp"
#include "lib/list.hpp"
#include "mm/object_cache.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

// A component with its hash, computed while the path is split.
struct ComponentName {
  // Of this boot: programs choose names. Set before the first of them is hashed, and never again.
  static KeyedHash::Key hash_key;
  static ComponentName of(std::string_view text) { return {text, KeyedHash::of(text, hash_key)}; }

  std::string_view text;
  std::uint32_t hash = 0;
};

class Dentry : public Cached<Dentry, "dentry"> {
 public:
  // The root of a file system. Error::nomem.
  static Result<Ref<Dentry>> create_root(Ref<Inode> inode);
  // One in no table, with a name to be shown only (memfd, pipes that want a path).
  static Result<Ref<Dentry>> create_detached(std::string_view name, Ref<Inode> inode);

  void hold() const { count_.fetch_add(1, std::memory_order_relaxed); }
  // With no spin lock held: the last use of a file that has no name any more frees it, and may give way meanwhile.
  void release() const {
    if (count_.fetch_sub(1, std::memory_order_release) == 1) [[unlikely]] free_with_parents();
  }

  Inode* inode() const { return inode_.load(std::memory_order_acquire); }  // acquire: pairs with instantiate()
  bool negative() const { return inode() == nullptr; }
  bool mounted_on() const { return mounts_here_.load(std::memory_order_relaxed) != 0; }
  void note_mount(int change) { mounts_here_.fetch_add(static_cast<std::uint32_t>(change), std::memory_order_relaxed); }

  // The cached child, or null if nothing (true) is known. Does not block.
  Ref<Dentry> find_child(const ComponentName& name);
  // The child, negative if there is none, asking the file system if need be; the mutex of this directory is held.
  Result<Ref<Dentry>> child(const ComponentName& name);
  // The same without the mutex held: takes it.
  Result<Ref<Dentry>> look_up(const ComponentName& name);

  // --- changes of the tree, with the mutexes of the directories held --------------------------------------------------
  // A negative dentry becomes positive.
  void instantiate(Ref<Inode> inode) { inode_.store(inode.leak(), std::memory_order_release); }
  // The name is gone: whoever still uses the dentry keeps it, nobody finds it any more. True: this call took it out of
  // the table, and what is cached below is the caller's to drop. False: there is nothing below, or somebody else drops
  // it now.
  bool unlink();
  // It is now `name` in `to`; what was there has been unlinked. `room` comes from room_for(name), which is where memory
  // may be missing.
  void move(Dentry& to, const ComponentName& name, Own<char[]> room);
  static Result<Own<char[]>> room_for(const ComponentName& name);
  // Two dentries change places.
  static void exchange(Dentry& a, Dentry& b);

  // Null for a root. Takes tree_lock.
  Ref<Dentry> parent() const;
  bool is_or_is_below(const Dentry& other) const;  // takes tree_lock
  bool is_root() const { return parent_.load(std::memory_order_relaxed) == nullptr; }
  bool unlinked() const { return unlinked_.load(std::memory_order_relaxed); }
  // tree_lock is held, or the dentry can not be renamed now.
  std::string_view name() const { return name_.text; }
  static SpinLock tree_lock;
  Dentry* parent_locked() const { return parent_.load(std::memory_order_relaxed); }  // tree_lock is held

  // Removes everything cached below from the tables (unmount). In use or not. `root` is in no table because it never was
  // in one, or because this caller took it out: what two drop at a time is in the lists of both, which have one link.
  static void drop_below(Dentry& root);
  // The shrinker: forgets dentries that nobody uses, not used lately first, looking at no more than `count`. Returns how
  // many it forgot.
  static std::size_t shrink(std::size_t count);
  static void set_limit(std::size_t dentries);  // cached at most; the shrinker runs beyond it
  static std::size_t cached();

 private:
  explicit Dentry(Ref<Inode> inode) : inode_(inode.leak()) {}
  ~Dentry();
  void free_with_parents() const;  // nobody uses it any more
  static Result<Ref<Dentry>> create(Dentry* parent, const ComponentName& name, Ref<Inode> inode);
  Result<void> set_name(const ComponentName& name);
  Ref<Dentry> find_in_table(const ComponentName& name);
  bool still_true(const Dentry& child) const;
  Result<Ref<Dentry>> ask(const ComponentName& name, Ref<Dentry> stale);
  void hash_into(Dentry& parent);
  bool unhash();
  void add_child(Dentry& child) REQUIRES(lock_);
  void remove_child(Dentry& child) REQUIRES(lock_);
  static bool forget_if_unused(Dentry& candidate);

  struct Children {
    static const ComponentName& key(const Dentry& dentry) { return dentry.name_; }
    static std::uint64_t hash(const ComponentName& name) { return name.hash; }
    static bool equal(const Dentry& dentry, const ComponentName& name) {
      return dentry.name_.hash == name.hash && dentry.name_.text.size() == name.text.size() &&
             same_bytes(dentry.name_.text.data(), name.text.data(), name.text.size());
    }
  };
  static constexpr std::size_t inline_name = 40;

  mutable std::atomic<std::uint32_t> count_{1};
  std::atomic<std::uint32_t> mounts_here_{0};
  std::atomic<Inode*> inode_;              // holds a count
  std::atomic<Dentry*> parent_{nullptr};   // holds a count
  std::atomic<bool> recently_used_{false};
  std::atomic<bool> hashed_{false};        // in the parent's table, which holds a count; changes under the parent's lock_
  std::atomic<bool> unlinked_{false};
  ComponentName name_;                     // in name_bytes_ or allocated
  std::atomic<std::uint64_t> version_{0};  // the parent's entries_version() when it was looked up (by_version)
  Dentry* next_dropped_ = nullptr;         // in the list of who took it out of its table in drop_below()
  char name_bytes_[inline_name];
  SpinLock lock_{Rank::dentries};

 public:
  HashNode sibling_node;  // in the parent's table
  ListNode cache_node;    // in the list of all cached dentries

 private:
  HashTable<Dentry, &Dentry::sibling_node, Children> children_ GUARDED_BY(lock_);
};

}  // namespace cv6
