#include "fs/cow/file_system.hpp"

#include <algorithm>
#include <cstring>

#include "fs/cow/inodes.hpp"
#include "sched/pace.hpp"

namespace cv6::cow {

namespace {

constexpr std::size_t inode_charge = 640;  // its object, and its share of the tables that hold it

}  // namespace

Part& part_of(Inode& inode) {
  switch (inode.type()) {
    case FileType::directory: return static_cast<Directory&>(inode).part();
    case FileType::regular: return static_cast<RegularFile&>(inode).part();
    default: return static_cast<Node&>(inode).part();
  }
}

FileSystemStatus ViewFileSystem::status() {
  FileSystemStatus status = lower_->status();  // one level of recursion a view, small
  const MemoryCounters memory = meter_.owner()->counters();
  std::uint64_t left = memory.limit_pages - std::min(memory.pages, memory.limit_pages);
  status.blocks = std::min(status.blocks, memory.limit_pages);
  if (disk_) {
    const ResourceCounts disk = disk_->counter().counts();
    status.blocks = std::min(status.blocks, disk.limit / page_size);
    left = std::min(left, (disk.limit - std::min(disk.current, disk.limit)) / page_size);
  }
  status.blocks_free = std::min(status.blocks_free, left);
  status.blocks_available = status.blocks_free;
  status.identity = device();
  return status;
}

// --- making inodes -----------------------------------------------------------------------------------------------------

Result<void> ViewFileSystem::charge(Part& part, std::size_t bytes) {
  TRY(meter_.charge(bytes));
  part.charged += bytes;
  return {};
}

Result<Ref<Inode>> ViewFileSystem::make_inode(const NewInode& wanted) {
  const Inode::Identity identity{wanted.type, wanted.mode, wanted.user, wanted.group, wanted.represents};
  const Ref<FileSystem> self(this);
  auto made = [&]() -> Result<Ref<Inode>> {
    const std::uint64_t number = fresh_number();
    if (wanted.type == FileType::directory) return Ref<Inode>(TRY(make<Directory>(self, identity, number, nullptr)));
    if (wanted.type == FileType::regular) return Ref<Inode>(TRY(make<RegularFile>(self, identity, number, nullptr)));
    String target = TRY(String::create(wanted.link_target));
    return Ref<Inode>(TRY(make<Node>(self, identity, number, nullptr, std::move(target))));
  }();
  if (!made) return Error::nospc;
  Part& part = part_of(**made);
  part.pinned = true;
  TRY(charge(part, inode_charge + wanted.link_target.size()));
  return made;
}

Result<Ref<Inode>> ViewFileSystem::make_standing_for(Ref<Inode> lower) {
  const Inode::Identity identity{lower->type(), lower->mode(), lower->user(), lower->group(), lower->represents()};
  const std::uint64_t number = lower->number();
  const Ref<FileSystem> self(this);
  switch (lower->type()) {
    case FileType::directory: return Ref<Inode>(TRY(make<Directory>(self, identity, number, std::move(lower))));
    case FileType::regular:
      if (!lower->page_cache()) return Error::opnotsupp;  // only files in pages can be shared page by page
      return Ref<Inode>(TRY(make<RegularFile>(self, identity, number, std::move(lower))));
    default: return Ref<Inode>(TRY(make<Node>(self, identity, number, std::move(lower), String())));
  }
}

Result<Ref<Inode>> ViewFileSystem::make_root(Ref<Inode> lower) {
  Ref<Inode> root = TRY(make_standing_for(std::move(lower)));
  Part& part = part_of(*root);
  part.pinned = true;
  TRY(charge(part, inode_charge));
  SpinGuard guard(lock_);
  table_.insert(part);
  return root;
}

// --- the table ---------------------------------------------------------------------------------------------------------

// One that is on its way out is out of the table already as far as we are concerned.
Ref<Inode> ViewFileSystem::find_live(std::uint64_t number) {
  Part* part = table_.find(number);
  if (!part) return {};
  if (part->inode.hold_unless_gone()) return Ref<Inode>::adopt(&part->inode);
  table_.remove(*part);
  return {};
}

Result<Ref<Inode>> ViewFileSystem::inode_for(Ref<Inode> lower, Directory& parent, std::string_view name) {
  const std::uint64_t number = lower->number();
  Ref<Inode> known;
  {
    SpinGuard guard(lock_);
    known = find_live(number);
  }
  if (known) return found_again(std::move(known), parent, name);
  Ref<Inode> fresh = TRY(make_standing_for(std::move(lower)));
  Part& part = part_of(*fresh);
  part.name = TRY(String::create(name));
  part.parent = Ref<Directory>(&parent);
  {
    SpinGuard guard(lock_);
    known = find_live(number);
    if (!known) table_.insert(part);
  }
  return known ? found_again(std::move(known), parent, name) : Result<Ref<Inode>>(std::move(fresh));
}

// A name below leads to an inode that is known: loose, it is found here from now on; else the name is hidden, unless it is
// another one of a file with several, which then is an entry of its directory like the first.
Result<Ref<Inode>> ViewFileSystem::found_again(Ref<Inode> inode, Directory& parent, std::string_view name) {
  Part& part = part_of(*inode);
  String copy = TRY(String::create(name));
  Ref<Directory> old_parent(&parent);
  {
    SpinGuard guard(lock_);
    if (!part.pinned) {
      std::swap(part.parent, old_parent);
      std::swap(part.name, copy);
      return inode;
    }
    if (inode->is_directory() || part.lower->links() < 2) return Ref<Inode>();
  }
  SpareEntry spare(*this);
  TRY(pin(parent));
  TRY(spare.make(name));
  SpinGuard guard(lock_);
  if (!parent.find(name)) (void)parent.put(name, inode, Directory::Origin::below, spare);
  return inode;
}

bool ViewFileSystem::hidden(std::uint64_t number) {
  SpinGuard guard(lock_);
  const Part* part = table_.find(number);
  return part && part->pinned && (part->inode.is_directory() || part->lower->links() < 2);
}

// --- pinning -----------------------------------------------------------------------------------------------------------

// It keeps those of the views below that it stands on, which are loose there down to one that pays for itself.
Result<void> SpareCharge::make(Inode& inode) {
  std::size_t bytes = 0;
  for (Inode* at = &inode; at && at->file_system().as_view(); at = part_of(*at).lower.get()) {
    SpinGuard guard(view_of(*at).lock());
    if (part_of(*at).pinned) break;
    bytes += inode_charge;
  }
  TRY(view_.meter().charge(bytes));
  bytes_ = bytes;
  return {};
}

SpareCharge::~SpareCharge() { view_.meter().uncharge(bytes_); }

// One that was pinned meanwhile has paid then.
Ref<Directory> ViewFileSystem::settle(Part& part, SpareCharge& charge) {
  if (!part.pinned) part.charged += charge.use();
  part.pinned = true;
  return std::move(part.parent);
}

// The topmost of the loose ones that `inode` hangs on, itself included: in the order in which they are to be pinned.
// How many. The climb is as long as the chain, so it takes many.
std::size_t ViewFileSystem::topmost_loose(Inode& inode, std::span<Ref<Inode>> to) {
  std::size_t left = 0;
  for (const Part* at = &part_of(inode); !at->pinned; at = &at->parent->part()) ++left;
  const std::size_t count = std::min(left, to.size());
  Part* at = &part_of(inode);
  for (; left > count; --left) at = &at->parent->part();
  for (; left > 0; at = &at->parent->part()) to[--left] = Ref<Inode>(&at->inode);
  return count;
}

// From the top down, so that what is pinned always hangs on what is pinned.
Result<void> ViewFileSystem::pin(Inode& inode) {
  constexpr std::size_t most_at_once = 32;
  while (true) {
    Ref<Inode> loose[most_at_once];
    std::size_t count;
    {
      SpinGuard guard(lock_);
      count = topmost_loose(inode, loose);
    }
    if (count == 0) return {};
    for (std::size_t i = 0; i < count; ++i) TRY(pin_one(part_of(*loose[i])));
    sched::maybe_yield();
  }
}

// Does nothing if it has been pinned, or found elsewhere, meanwhile: whoever wants it pinned looks again.
Result<void> ViewFileSystem::pin_one(Part& part) {
  char bytes[name_max];
  std::string_view name;
  {
    SpinGuard guard(lock_);
    name = {bytes, part.name.size()};
    std::memcpy(bytes, part.name.c_str(), name.size());
  }
  SpareEntry spare(*this);
  TRY(spare.make(name));
  SpareCharge charge(*this);
  TRY(charge.make(part.inode));
  Ref<Directory> parent;
  SpinGuard guard(lock_);
  if (part.pinned || part.name.view() != name || !part.parent->part().pinned) return {};
  // A file that was removed below while it was open has no name any more, and gets none.
  const bool has_name = part.lower->is_directory() ? !part.lower->removed() : part.lower->links() != 0;
  if (has_name && !part.parent->find(name))
    (void)part.parent->put(name, Ref<Inode>(&part.inode), Directory::Origin::below, spare);
  parent = settle(part, charge);
  return {};
}

// --- letting go --------------------------------------------------------------------------------------------------------

void ViewFileSystem::keep(Part& part) {
  SpinGuard guard(lock_);
  if (part.kept_node.linked() || !part.node.linked()) return;
  kept_.push_back(part);
  part.inode.hold();
}

void ViewFileSystem::stop_keeping(Part& part) {
  {
    SpinGuard guard(lock_);
    if (!part.kept_node.linked()) return;
    kept_.remove(part);
  }
  part.inode.release();
}

// There may be as many as there are files below. None comes meanwhile: an open file keeps its mount.
void ViewFileSystem::last_unmounted() {
  for (sched::Pace pace;; pace.step()) {
    Part* kept;
    {
      SpinGuard guard(lock_);
      kept = kept_.pop_front();
    }
    if (!kept) return;
    kept->inode.release();
  }
}

// A long chain of loose directories that only the one below each holds is let go one by one.
void ViewFileSystem::forget(Part& part) {
  Ref<Directory> parent;
  {
    SpinGuard guard(lock_);
    if (part.lower) table_.remove(part);
    parent = std::move(part.parent);
  }
  meter_.uncharge(part.charged);
  for (sched::Pace pace; parent; pace.step()) {
    Ref<Directory> above;
    {
      SpinGuard guard(lock_);
      if (parent->references() != 1) break;
      // Nobody but us can get at it once it is out of the table.
      table_.remove(parent->part());
      above = std::move(parent->part().parent);
    }
    parent = std::move(above);
  }
}

}  // namespace cv6::cow
