#include "fs/tmpfs_inodes.hpp"

#include <algorithm>
#include <cstring>

#include "sched/pace.hpp"

namespace cv6::tmpfs {

namespace {

TmpfsFileSystem& tmpfs_of(const Inode& inode) { return static_cast<TmpfsFileSystem&>(inode.file_system()); }

constexpr std::uint64_t entry_size = 20;  // what a directory's size counts for each entry, as on Linux

}  // namespace

// --- inodes ------------------------------------------------------------------------------------------------------------

FileSystemStatus TmpfsFileSystem::status() {
  const MemoryCounters memory = meter_.owner()->counters();
  const frames::Counts machine = frames::counts();
  FileSystemStatus status;
  status.magic = magic;
  status.blocks = std::min(memory.limit_pages, machine.total);
  status.blocks_free = std::min(memory.limit_pages - std::min(memory.pages, memory.limit_pages), machine.free);
  status.blocks_available = status.blocks_free;
  const std::uint64_t used = inodes_.load(std::memory_order_relaxed);
  status.files = std::min(max_inodes_, used + status.blocks_free * (page_size / inode_charge));
  status.files_free = status.files - std::min(used, status.files);
  status.identity = device();
  return status;
}

Result<void> TmpfsFileSystem::count_inode(std::size_t bytes) {
  if (inodes_.fetch_add(1, std::memory_order_relaxed) < max_inodes_ && meter_.charge(bytes)) return {};
  inodes_.fetch_sub(1, std::memory_order_relaxed);
  return Error::nospc;
}

void TmpfsFileSystem::inode_gone(std::size_t charged) {
  inodes_.fetch_sub(1, std::memory_order_relaxed);
  meter_.uncharge(charged);
}

Result<Ref<Inode>> TmpfsFileSystem::make_inode(const NewInode& wanted) {
  const std::size_t bytes = inode_charge + wanted.link_target.size();
  TRY(count_inode(bytes));
  const Inode::Identity identity{wanted.type, wanted.mode, wanted.user, wanted.group, wanted.represents};
  const Ref<FileSystem> self(this);
  auto made = [&]() -> Result<Ref<Inode>> {
    switch (wanted.type) {
      case FileType::regular: return Ref<Inode>(TRY(make<RegularFile>(self, identity, meter_.owner())));
      case FileType::directory: {
        Ref<Inode> directory = TRY(make<Directory>(self, identity));
        directory->set_size(2 * entry_size);  // . and ..
        return directory;
      }
      case FileType::symlink:
        return Ref<Inode>(TRY(make<Symlink>(self, identity, TRY(String::create(wanted.link_target)))));
      default: return Ref<Inode>(TRY(make<SpecialFile>(self, identity)));
    }
  }();
  if (made) return made;
  inode_gone(bytes);
  return Error::nospc;
}

RegularFile::~RegularFile() { tmpfs_of(*this).inode_gone(inode_charge); }
SpecialFile::~SpecialFile() { tmpfs_of(*this).inode_gone(inode_charge); }
GuestMemory& SpecialFile::charged_to() { return *tmpfs_of(*this).meter().owner(); }
Symlink::~Symlink() { tmpfs_of(*this).inode_gone(inode_charge + target_.size()); }

Result<std::size_t> Symlink::read_link(std::span<char> to) {
  const std::size_t size = std::min(to.size(), target_.size());
  std::memcpy(to.data(), target_.c_str(), size);
  return size;
}

// --- entries -----------------------------------------------------------------------------------------------------------

Result<Entry*> Entry::create(const ComponentName& name, TmpfsFileSystem& file_system) {
  TRY(file_system.meter().charge(sizeof(Entry) + name.text.size()));
  void* place = ::operator new(sizeof(Entry) + name.text.size(), std::nothrow);
  if (!place) {
    file_system.meter().uncharge(sizeof(Entry) + name.text.size());
    return Error::nospc;
  }
  Entry* entry = new (place) Entry(name);
  std::memcpy(reinterpret_cast<char*>(entry + 1), name.text.data(), name.text.size());
  return entry;
}

void Entry::destroy(Entry* entry, TmpfsFileSystem& file_system) {
  file_system.meter().uncharge(entry->charge());
  entry->~Entry();
  ::operator delete(entry);
}

// A tree of any depth is freed without recursion: what a subdirectory that nobody else uses contains becomes ours first.
// There may be a million entries: others get their turns.
Directory::~Directory() {
  sched::Pace pace;
  while (Entry* entry = by_cookie_.first()) {
    remove(*entry);
    if (entry->inode->is_directory() && entry->inode->references() == 1) {
      Directory& below = static_cast<Directory&>(*entry->inode);
      while (Entry* inner = below.by_cookie_.first()) {
        below.remove(*inner);
        inner->cookie = next_cookie_++;
        by_cookie_.insert(*inner);  // by name it is needed no more
        pace.step();
      }
    }
    Entry::destroy(entry, tmpfs());
    pace.step();
  }
  tmpfs().inode_gone(inode_charge);
}

void Directory::add(Entry& entry, Ref<Inode> inode) {
  entry.inode = std::move(inode);
  entry.cookie = next_cookie_++;
  const payer::Scope paid_by_owner(tmpfs().meter().owner()->as_payer());  // whoever makes the table grow
  by_name_.insert(entry);
  by_cookie_.insert(entry);
  count_entries();
}

void Directory::remove(Entry& entry) {
  by_name_.remove(entry);
  by_cookie_.remove(entry);
  count_entries();
}

void Directory::count_entries() { set_size((by_cookie_.size() + 2) * entry_size); }
void Directory::count_subdirectory(int change) { set_links(links() + static_cast<std::uint32_t>(change)); }

// --- operations (mutex() is held) ---------------------------------------------------------------------------------------

Result<Ref<Inode>> Directory::lookup(std::string_view name) {
  const Entry* entry = find(name);
  if (!entry) return Error::noent;
  return entry->inode;
}

Result<Ref<Inode>> Directory::create(std::string_view name, const NewInode& wanted) {
  Entry* entry = TRY(Entry::create(ComponentName::of(name), tmpfs()));
  Result<Ref<Inode>> inode = tmpfs().make_inode(wanted);
  if (!inode) {
    Entry::destroy(entry, tmpfs());
    return inode.error();
  }
  add(*entry, *inode);
  if (wanted.type == FileType::directory) count_subdirectory(+1);
  touch_modified();
  return inode;
}

Result<Ref<Inode>> Directory::create_unnamed(const NewInode& wanted) {
  Ref<Inode> inode = TRY(tmpfs().make_inode(wanted));
  inode->set_links(0);
  return inode;
}

Result<void> Directory::link(std::string_view name, Inode& target) {
  Entry* entry = TRY(Entry::create(ComponentName::of(name), tmpfs()));
  add(*entry, Ref<Inode>(&target));
  target.set_links(target.links() + 1);
  target.touch_changed();
  touch_modified();
  return {};
}

Result<void> Directory::unlink(std::string_view name, Inode& victim) {
  Entry* entry = find(name);
  if (!entry) return Error::noent;
  remove(*entry);
  victim.set_links(victim.links() - 1);
  victim.touch_changed();
  touch_modified();
  Entry::destroy(entry, tmpfs());
  return {};
}

Result<void> Directory::remove_directory(std::string_view name, Inode& victim) {
  Entry* entry = find(name);
  if (!entry) return Error::noent;
  if (!static_cast<Directory&>(victim).empty()) return Error::notempty;
  remove(*entry);
  victim.set_links(0);
  victim.touch_changed();
  count_subdirectory(-1);
  touch_modified();
  Entry::destroy(entry, tmpfs());
  return {};
}

Result<void> Directory::rename(std::string_view name, Inode& source, Inode& to_directory, std::string_view to_name,
                               Inode* target, RenameMode mode) {
  Directory& to = static_cast<Directory&>(to_directory);
  Entry* from_entry = find(name);
  Entry* to_entry = target ? to.find(to_name) : nullptr;
  if (!from_entry || (target && !to_entry)) return Error::noent;
  if (mode == RenameMode::exchange) return exchange(*from_entry, to, *to_entry);
  if (target && target->is_directory() && !static_cast<Directory&>(*target).empty()) return Error::notempty;
  const Ref<Inode> keep_source(&source);
  const Ref<Inode> keep_target(target);  // goes after everything is in order
  if (to_entry) {
    to_entry->inode = keep_source;
    target->set_links(target->is_directory() ? 0 : target->links() - 1);
    target->touch_changed();
    if (target->is_directory()) to.count_subdirectory(-1);
  } else {
    to.add(*TRY(Entry::create(ComponentName::of(to_name), tmpfs())), keep_source);
  }
  remove(*from_entry);
  Entry::destroy(from_entry, tmpfs());
  if (source.is_directory()) {
    count_subdirectory(-1);
    to.count_subdirectory(+1);
  }
  source.touch_changed();
  touch_modified();
  to.touch_modified();
  return {};
}

Result<void> Directory::exchange(Entry& mine, Directory& to, Entry& theirs) {
  const bool mine_is_directory = mine.inode->is_directory();
  const bool theirs_is_directory = theirs.inode->is_directory();
  std::swap(mine.inode, theirs.inode);
  count_subdirectory(theirs_is_directory - mine_is_directory);
  to.count_subdirectory(mine_is_directory - theirs_is_directory);
  for (Entry* entry : {&mine, &theirs}) entry->inode->touch_changed();
  touch_modified();
  to.touch_modified();
  return {};
}

Result<void> Directory::iterate(std::uint64_t& position, DirectorySink& sink) {
  for (Entry* entry = by_cookie_.lower_bound(position); entry; entry = by_cookie_.next(*entry)) {
    if (!sink.entry(entry->name(), entry->inode->number(), entry->inode->type(), entry->cookie + 1)) return {};
    position = entry->cookie + 1;
  }
  return {};
}

}  // namespace cv6::tmpfs
