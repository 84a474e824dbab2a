#include "fs/inode.hpp"

#include "fs/device.hpp"
#include "fs/directory_file.hpp"
#include "fs/file_locks.hpp"
#include "fs/path.hpp"
#include "fs/pipe.hpp"
#include "fs/real_time.hpp"

namespace cv6 {

namespace {

constinit std::atomic<std::uint32_t> next_device{1};  // minor numbers of file systems; their major is 0

constexpr Nanoseconds day = 24 * 3600 * nanoseconds_per_second;

}  // namespace

FileSystem::FileSystem() : device_(make_device(0, next_device.fetch_add(1, std::memory_order_relaxed))) {}

Inode::Inode(Ref<FileSystem> file_system, const Identity& identity, std::uint64_t number)
    : file_system_(std::move(file_system)),
      number_(number ? number : file_system_->next_number()),
      type_(identity.type),
      represents_(identity.represents),
      mode_(identity.mode),
      user_(identity.user),
      group_(identity.group),
      links_(identity.type == FileType::directory ? 2 : 1) {
  const Nanoseconds now = real_time_now();
  set_access_time(now);
  set_modify_time(now);
  set_change_time(now);
  birth_time_ = now;
}

Inode::~Inode() {
  if (may_have_locks()) destroy_locks(*this);
}

FileStatus Inode::status() {
  const Inode& from = shown();
  return {
      .device = file_system_->device(),
      .number = number_,
      .type = type_,
      .mode = from.mode_.load(std::memory_order_relaxed),
      .links = from.links_.load(std::memory_order_relaxed),
      .user = from.user_.load(std::memory_order_relaxed),
      .group = from.group_.load(std::memory_order_relaxed),
      .represents = represents_,
      .size = from.size_.load(std::memory_order_acquire),
      .access_time = from.access_time_.load(std::memory_order_relaxed),
      .modify_time = from.modify_time_.load(std::memory_order_relaxed),
      .change_time = from.change_time_.load(std::memory_order_relaxed),
      .birth_time = from.birth_time_,
  };
}

void Inode::set_owner(std::uint32_t user, std::uint32_t group) {
  user_.store(user, std::memory_order_relaxed);
  group_.store(group, std::memory_order_relaxed);
}

void Inode::touch_changed() { set_change_time(real_time_now()); }

void Inode::touch_modified() {
  const Nanoseconds now = real_time_now();
  set_modify_time(now);
  set_change_time(now);
}

// Reading through a view is no change: what is not its own keeps its time.
void Inode::touch_accessed() {
  if (!is_own()) return;
  const Nanoseconds last = access_time();
  const Nanoseconds now = real_time_now();
  if (last <= modify_time() || last <= change_time() || now - last >= day) set_access_time(now);
}

void Inode::copy_shown_attributes() {
  const Inode& from = shown();
  set_mode(from.mode());
  set_owner(from.user(), from.group());
  set_links(from.links());
  set_size(from.size());
  set_access_time(from.access_time());
  set_modify_time(from.modify_time());
  set_change_time(from.change_time());
  birth_time_ = from.birth_time_;
}

Result<void> Inode::change_attributes(const AttributeChange& change) {
  if (!is_own()) TRY(take_over());
  if (change.mode) set_mode(change.new_mode);
  if (change.owner) set_owner(change.new_user, change.new_group);
  if (change.access_time) set_access_time(change.new_access_time);
  if (change.modify_time) set_modify_time(change.new_modify_time);
  touch_changed();
  return {};
}

Result<Ref<Inode>> Inode::lookup(std::string_view) { return Error::noent; }
Result<Ref<Inode>> Inode::create(std::string_view, const NewInode&) { return Error::perm; }
Result<Ref<Inode>> Inode::create_unnamed(const NewInode&) { return Error::opnotsupp; }
Result<void> Inode::link(std::string_view, Inode&) { return Error::perm; }
Result<void> Inode::unlink(std::string_view, Inode&) { return Error::perm; }
Result<void> Inode::remove_directory(std::string_view, Inode&) { return Error::perm; }
Result<void> Inode::rename(std::string_view, Inode&, Inode&, std::string_view, Inode*, RenameMode) {
  return Error::perm;
}
Result<void> Inode::iterate(std::uint64_t&, DirectorySink&) { return Error::notdir; }
Result<std::size_t> Inode::read_link(std::span<char>) { return Error::inval; }
Result<Path> Inode::follow_magic_link() { return Error::inval; }

Result<Ref<Dentry>> FileSystem::make_instance() { return Error::perm; }

Result<Ref<File>> Inode::open(const Path&, OpenFlags flags) {
  switch (type_) {
    case FileType::directory: return open_directory(Ref<Inode>(this));
    case FileType::fifo: return open_fifo(*this, flags);
    case FileType::character_device: return open_device(*this, flags);
    case FileType::symlink: return Error::loop;
    case FileType::block_device:
    case FileType::socket: return Error::nxio;
    case FileType::regular: break;
  }
  return Error::inval;
}

Result<void> Inode::truncate(std::uint64_t) { return Error::inval; }
Result<void> Inode::allocate(Allocate, std::uint64_t, std::uint64_t) { return Error::opnotsupp; }

Result<std::uint64_t> Inode::seek_extent(Extent kind, std::uint64_t from) {
  if (from >= size()) return Error::nxio;
  return kind == Extent::data ? from : size();  // as if there were no holes
}

Result<void> Inode::begin_writing() {
  std::int32_t count = writers_.load(std::memory_order_relaxed);
  do {
    if (count < 0) return Error::txtbsy;
  } while (!writers_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed));
  return {};
}
void Inode::end_writing() { writers_.fetch_sub(1, std::memory_order_relaxed); }

Result<void> Inode::begin_executing() {
  std::int32_t count = writers_.load(std::memory_order_relaxed);
  do {
    if (count > 0) return Error::txtbsy;
  } while (!writers_.compare_exchange_weak(count, count - 1, std::memory_order_relaxed));
  return {};
}
void Inode::end_executing() { writers_.fetch_add(1, std::memory_order_relaxed); }

Result<FrameRef> Inode::page_for_mapping(std::uint64_t, Intent) { return Error::fault; }

}  // namespace cv6
