// The inside of a copy-on-write view (private to fs/cow/).
//
// A view's inodes stand for inodes below (`lower`), or were made in the view. One stands for one: names of one file below
// lead to one inode here, which table_ finds by the number below; it has the same number here. An inode shows what is
// below (Inode::shown) until its first change, take_over(), which makes its contents and attributes its own.
//
// Directories merge: their own entries, kept by name, hide those of the same name below; an entry without an inode is a
// whiteout: the name is gone. A directory made in the view has nothing below.
//
// Who holds whom. An inode found below by name ("loose") is held by whoever uses it and holds its parent. Before it changes it is pinned:
// it becomes an entry of its parent, which is pinned first; so what has changed is held from the root down, and its name
// stays whatever happens below. A pinned inode holds its parent no more. A changed file with several names below is held
// by the view too (kept_), because its other names lead to it through the table only.
// What is pinned has its place: if it gets another name below, that name is not shown (hidden()).
// A loose inode is the caches', and nobody pays for it. A pinned one stays, and so do those that it stands on: it pays
// for all of them (SpareCharge).
//
// `lock_` (Rank::inode) covers table, entries, and how inodes hang together, of one view. Of views over views, only one
// lock is held at a time: a lookup goes down level by level and then makes inodes upward, in loops, not by recursion.
#pragma once

#include "fs/cow/view.hpp"
#include "fs/memory_meter.hpp"
#include "lib/hash_table.hpp"
#include "lib/list.hpp"
#include "lib/string.hpp"

namespace cv6::cow {

class Directory;
class ViewFileSystem;

// What every inode of a view has besides what its kind needs.
struct Part {
  Part(Inode& inode, Ref<Inode> lower) : inode(inode), lower(std::move(lower)) {}
  Inode& inode;
  const Ref<Inode> lower;       // null: made in the view
  Ref<Directory> parent;        // where it was found last, while it is loose
  String name;
  bool pinned = false;          // has its place (or has lost it for good): nothing to do before it changes
  std::size_t charged = 0;      // from when it is pinned until it goes
  ListNode kept_node;           // in the list of those that the view holds a count of
  HashNode node;                // in the table, if there is a lower one
};

// What an inode that becomes pinned has to pay: taken before the lock, because it may fail. What is not used is given
// back, after the lock.
class SpareCharge {
 public:
  explicit SpareCharge(ViewFileSystem& view) : view_(view) {}
  ~SpareCharge();
  SpareCharge(const SpareCharge&) = delete;
  SpareCharge& operator=(const SpareCharge&) = delete;
  Result<void> make(Inode& inode);  // nothing, if it is pinned already. Error::nospc
  std::size_t use() { return std::exchange(bytes_, 0); }

 private:
  ViewFileSystem& view_;
  std::size_t bytes_ = 0;
};

class ViewFileSystem final : public FileSystem {
 public:
  ViewFileSystem(FileSystem& lower, ViewFileSystem* lower_view, Ref<GuestMemory> owner, Ref<DiskAccount> disk)
      : lower_(&lower), depth_(lower_view ? lower_view->depth_ + 1 : 1), meter_(std::move(owner)), disk_(std::move(disk)) {}

  // What it is stored as is nobody's business inside.
  std::string_view type_name() const override { return lower_->type_name(); }
  FileSystemStatus status() override;
  ViewFileSystem* as_view() override { return this; }
  void last_unmounted() override;

  unsigned depth() const { return depth_; }
  MemoryMeter& meter() { return meter_; }
  const Ref<DiskAccount>& disk() const { return disk_; }  // null: changed data is not counted
  SpinLock& lock() __attribute__((lock_returned(lock_))) { return lock_; }

  Result<Ref<Inode>> make_root(Ref<Inode> lower);
  // The inode that stands for `lower`, found in `parent` under `name`. An empty Ref: it has its place elsewhere.
  Result<Ref<Inode>> inode_for(Ref<Inode> lower, Directory& parent, std::string_view name);
  // One made in the view.
  Result<Ref<Inode>> make_inode(const NewInode& wanted);
  // Gives the inode, and the directories above it, their places, for which they pay. Error::nospc.
  Result<void> pin(Inode& inode);
  // A name for the inode `number` below is not shown, because it has its place elsewhere.
  bool hidden(std::uint64_t number);
  // From now on it hangs on an entry, or on none, and has paid by `charge`, which was made for it. lock_ is held; the
  // parent it had is the caller's to release, unlocked.
  static Ref<Directory> settle(Part& part, SpareCharge& charge);
  // A changed file with other names below: the view holds it.
  void keep(Part& part);
  // It has no name left: the view does not hold it any more.
  void stop_keeping(Part& part);
  // In every destructor.
  void forget(Part& part);

 private:
  struct ByNumber {
    static std::uint64_t key(const Part& part) { return part.lower->number(); }
    static std::uint64_t hash(std::uint64_t number) { return mix(number); }
    static bool equal(const Part& part, std::uint64_t number) { return part.lower->number() == number; }
  };

  Result<void> charge(Part& part, std::size_t bytes);  // nobody else has it yet
  std::uint64_t fresh_number() { return std::uint64_t{depth_} << 40 | next_number(); }
  Ref<Inode> find_live(std::uint64_t number) REQUIRES(lock_);
  Result<Ref<Inode>> make_standing_for(Ref<Inode> lower);
  Result<Ref<Inode>> found_again(Ref<Inode> inode, Directory& parent, std::string_view name);
  std::size_t topmost_loose(Inode& inode, std::span<Ref<Inode>> to) REQUIRES(lock_);
  Result<void> pin_one(Part& part);

  FileSystem* lower_;  // held by the root's lower inode
  unsigned depth_;
  MemoryMeter meter_;
  Ref<DiskAccount> disk_;
  SpinLock lock_{Rank::inode};
  HashTable<Part, &Part::node, ByNumber> table_ GUARDED_BY(lock_);
  List<Part, &Part::kept_node> kept_ GUARDED_BY(lock_);
};

Part& part_of(Inode& inode);  // of a view
inline ViewFileSystem& view_of(const Inode& inode) { return static_cast<ViewFileSystem&>(inode.file_system()); }

}  // namespace cv6::cow
