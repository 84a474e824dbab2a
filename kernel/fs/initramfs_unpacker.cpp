#include "fs/initramfs_unpacker.hpp"

#include <algorithm>
#include <cstring>

#include "sync/log.hpp"
#include "vm/page_cache.hpp"

namespace cv6 {

namespace {

// "./a//b/" is "a/b".
std::string_view trim(std::string_view name) {
  while (name.starts_with('/') || name.starts_with("./")) name.remove_prefix(1);
  while (name.ends_with('/')) name.remove_suffix(1);
  return name == "." ? std::string_view() : name;
}

std::string_view first_component(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  while (path.starts_with('/')) path.remove_prefix(1);
  return name;
}

bool possible(std::string_view name) { return !name.empty() && name != "." && name != ".." && name.size() <= name_max; }

}  // namespace

InitramfsUnpacker::~InitramfsUnpacker() {
  end_of_archive();
  if (free_from_ < end_) frames::free_reserved({free_from_, end_});
}

void InitramfsUnpacker::end_of_archive() {
  shared_.for_each([this](Shared& shared) {
    shared_.remove(shared);
    delete &shared;
  });
}

Result<void> InitramfsUnpacker::add(const ArchiveEntry& entry) {
  const std::string_view path = trim(entry.name);
  if (path.empty()) {
    set_attributes(*root_, entry);
    return {};
  }
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  Result<Ref<Inode>> parent = parent_of(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
  Result<Ref<Inode>> inode = parent && possible(name) ? place(**parent, name, entry) : Error::inval;
  if (!inode && inode.error() != Error::inval) return inode.error();
  if (!inode) {
    log(LogLevel::warning, "initramfs: no place for {}", entry.name);
    return {};
  }
  if (!entry.data.empty() && (*inode)->is_regular()) TRY(fill(**inode, entry.data));
  set_attributes(**inode, entry);
  return {};
}

// Missing directories are made.
Result<Ref<Inode>> InitramfsUnpacker::parent_of(std::string_view directory) {
  if (last_directory_ && directory == std::string_view(last_directory_name_, last_directory_size_))
    return last_directory_;
  Ref<Inode> at = root_;
  for (std::string_view rest = directory; !rest.empty();) {
    const std::string_view name = first_component(rest);
    if (name == ".") continue;
    if (!possible(name)) return Error::inval;
    Result<Ref<Inode>> below = at->lookup(name);
    if (!below) {
      NewInode wanted;
      wanted.type = FileType::directory;
      wanted.mode = 0755;
      below = TRY(at->create(name, wanted));
    }
    if (!(*below)->is_directory()) return Error::inval;
    at = std::move(*below);
  }
  if (directory.size() > sizeof last_directory_name_) return at;
  last_directory_ = at;
  last_directory_size_ = directory.size();
  if (!directory.empty()) std::memcpy(last_directory_name_, directory.data(), last_directory_size_);
  return at;
}

// The inode that the entry is about: a new one, the directory that is there, or a further name of one seen before.
Result<Ref<Inode>> InitramfsUnpacker::place(Inode& parent, std::string_view name, const ArchiveEntry& entry) {
  if (Result<Ref<Inode>> existing = parent.lookup(name)) {
    if ((*existing)->is_directory()) {
      if (entry.type != FileType::directory) return Error::inval;
      return existing;
    }
    TRY(parent.unlink(name, **existing));
  }
  if (entry.links < 2 || entry.type == FileType::directory) return make(parent, name, entry);
  if (const Shared* known = shared_.find(entry.identity)) {
    TRY(parent.link(name, *known->inode));
    return known->inode;
  }
  Ref<Inode> inode = TRY(make(parent, name, entry));
  Own<Shared> shared(new (std::nothrow) Shared);
  if (!shared) return Error::nomem;
  shared->identity = entry.identity;
  shared->inode = inode;
  shared_.insert(*shared.release());
  return inode;
}

Result<Ref<Inode>> InitramfsUnpacker::make(Inode& parent, std::string_view name, const ArchiveEntry& entry) {
  NewInode wanted;
  wanted.type = entry.type;
  wanted.mode = entry.mode;
  wanted.user = entry.user;
  wanted.group = entry.group;
  wanted.represents = entry.represents;
  if (entry.type == FileType::symlink) wanted.link_target = entry.data.substr(0, entry.data.find('\0'));
  return parent.create(name, wanted);
}

// Whole pages that lie on page boundaries become the file's where they are.
Result<void> InitramfsUnpacker::fill(Inode& file, std::string_view data) {
  PageCache& cache = *file.page_cache();
  if (file.size()) TRY(file.truncate(0));
  const arch::PhysicalAddress start = arch::physical_of(data.data());
  std::uint64_t done = 0;
  if (start % page_size == 0 && start >= free_from_) {
    const std::uint64_t whole = page_floor(static_cast<std::uint64_t>(data.size()));
    if (free_from_ < start) frames::free_reserved({free_from_, start});
    for (; done < whole; done += page_size) {
      free_from_ = start + done + page_size;  // it is a page of its own from here on, whatever happens
      TRY(cache.insert(done / page_size, frames::adopt_reserved(start + done, owner_)));
    }
    free_from_ = start + whole;
  }
  for (; done < data.size(); done += page_size) {
    const FrameRef page = TRY(cache.writable(done / page_size, Fill::garbage));
    const std::size_t size = std::min<std::uint64_t>(page_size, data.size() - done);
    std::memcpy(page.data(), data.data() + done, size);
    std::memset(static_cast<char*>(page.data()) + size, 0, page_size - size);
  }
  file.set_size(data.size());
  return {};
}

void InitramfsUnpacker::set_attributes(Inode& inode, const ArchiveEntry& entry) {
  if (!inode.is_symlink()) inode.set_mode(entry.mode);
  inode.set_owner(entry.user, entry.group);
  inode.set_modify_time(entry.modified);
  inode.set_access_time(entry.modified);
}

}  // namespace cv6
