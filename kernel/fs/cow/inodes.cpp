// Files of a view: their first change makes them their own.
#include "fs/cow/inodes.hpp"

#include <algorithm>
#include <cstring>

namespace cv6::cow {

// --- regular files -----------------------------------------------------------------------------------------------------

RegularFile::RegularFile(Ref<FileSystem> view, const Identity& identity, std::uint64_t number, Ref<Inode> lower)
    : PagedInode(view, identity, static_cast<ViewFileSystem&>(*view).meter().owner(), number,
                 static_cast<ViewFileSystem&>(*view).disk()),
      part_(*this, std::move(lower)) {
  if (part_.lower) show(*part_.lower);
}

RegularFile::~RegularFile() { view_of(*this).forget(part_); }

Result<void> RegularFile::take_over() {
  MutexGuard guard(taking_over_);
  if (is_own()) return {};
  TRY(view_of(*this).pin(*this));
  while (!TRY(take_over_from(shown()))) {
  }
  if (part_.lower->links() > 1) view_of(*this).keep(part_);
  cache_changed();
  return {};
}

// Nobody writes to the source while its pages are shared. False: it has become another one meanwhile.
Result<bool> RegularFile::take_over_from(Inode& source) {
  MutexGuard guard(source.mutex());
  if (&shown() != &source) return false;
  copy_shown_attributes();
  TRY(cache_.share_from(*source.page_cache()));
  show_own();
  return true;
}

// --- the rest ----------------------------------------------------------------------------------------------------------

Node::Node(Ref<FileSystem> view, const Identity& identity, std::uint64_t number, Ref<Inode> lower, String target)
    : Inode(std::move(view), identity, number), part_(*this, std::move(lower)), target_(std::move(target)) {
  set_size(target_.size());
  if (part_.lower) show(*part_.lower);
}

Node::~Node() { view_of(*this).forget(part_); }

Result<void> Node::take_over() {
  MutexGuard guard(taking_over_);
  if (is_own()) return {};
  TRY(view_of(*this).pin(*this));
  copy_shown_attributes();
  show_own();
  if (part_.lower->links() > 1) view_of(*this).keep(part_);
  return {};
}

// A symlink's text never changes: it is where it was made.
Result<std::size_t> Node::read_link(std::span<char> to) {
  if (!is_symlink()) return Error::inval;
  Inode* at = this;
  while (at->file_system().as_view() && part_of(*at).lower) at = part_of(*at).lower.get();
  if (!at->file_system().as_view()) return at->read_link(to);
  const String& target = static_cast<Node*>(at)->target_;
  const std::size_t size = std::min(to.size(), target.size());
  std::memcpy(to.data(), target.c_str(), size);
  return size;
}

// --- directories: attributes -------------------------------------------------------------------------------------------

Directory::Directory(Ref<FileSystem> view, const Identity& identity, std::uint64_t number, Ref<Inode> lower)
    : Inode(std::move(view), identity, number), part_(*this, std::move(lower)) {
  if (!part_.lower) return;
  show(*part_.lower);
  set_entry_caching(EntryCaching::by_version);
}

Result<void> Directory::take_over() {
  MutexGuard guard(taking_over_);
  if (is_own()) return {};
  TRY(view_of(*this).pin(*this));
  copy_shown_attributes();
  show_own();
  return {};
}

Result<void> Directory::change() { return is_own() ? Result<void>() : take_over(); }

Directory* Directory::lower_view_directory() const {
  Inode* lower = part_.lower.get();
  return lower && lower->file_system().as_view() ? static_cast<Directory*>(lower) : nullptr;
}

// Of what is below only: changes made here keep the dentries right themselves.
std::uint64_t Directory::entries_version() const {
  std::uint64_t version = 0;
  for (const Directory* at = this; at; at = at->lower_view_directory())
    if (const Inode* lower = at->part_.lower.get()) version += lower->own_changes();
  return version;
}

FileStatus Directory::status() {
  FileStatus status = Inode::status();
  std::int64_t links = 2;
  for (const Directory* at = this; at; at = at->lower_view_directory()) {
    links += at->subdirectories_.load(std::memory_order_relaxed);
    const Inode* lower = at->part_.lower.get();
    if (lower && !at->lower_view_directory()) links += static_cast<std::int64_t>(lower->links()) - 2;
  }
  status.links = removed() ? 0 : static_cast<std::uint32_t>(std::max<std::int64_t>(links, 2));
  return status;
}

}  // namespace cv6::cow
