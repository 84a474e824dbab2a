#include "fs/file.hpp"

#include "fs/anonymous.hpp"
#include "fs/file_locks.hpp"

namespace cv6 {

File::~File() {
  if (counts_as_writer_) inode_->end_writing();
  if (inode_ && inode_->may_have_locks()) drop_locks_of_file(*this);
}

void File::change_flags(OpenFlags flags) {
  OpenFlags old = flags_.load(std::memory_order_relaxed);
  while (!flags_.compare_exchange_weak(old, (old & ~open_flag::changeable) | (flags & open_flag::changeable),
                                       std::memory_order_relaxed)) {
  }
}

void File::set_up(Path path, OpenFlags flags, const Credentials& credentials) {
  path_ = std::move(path);
  flags_.store(flags & open_flag::kept, std::memory_order_relaxed);
  credentials_ = Ref<const Credentials>(&credentials);
}

void File::describe(Output& out) const { print(out, "anon_inode:[{}]", inode_->number()); }

Result<Path> File::place() const {
  if (path_) return path_;
  char text[64];
  BufferOutput name(text);
  describe(name);
  Ref<Dentry> dentry = TRY(Dentry::create_detached(name.view(), inode_));
  return Path{anonymous::mount(), std::move(dentry)};
}

FileStatus File::status() const {
  FileStatus status = inode_->status();
  if (path_) status.mount = path_.mount->id();
  return status;
}

// --- data --------------------------------------------------------------------------------------------------------------

Result<std::size_t> File::read(IoBuffer& to) {
  if (!readable()) return Error::badf;
  if (positions_ != Positions::seekable) return do_read(to, 0);
  MutexGuard guard(position_mutex_);
  const std::uint64_t position = this->position();
  const std::size_t count = TRY(do_read(to, position));
  position_.store(position + count, std::memory_order_relaxed);
  return count;
}

Result<std::size_t> File::write(IoBuffer& from, std::uint64_t size_limit) {
  if (!writable()) return Error::badf;
  if (positions_ != Positions::seekable) return do_write(from, 0, size_limit);
  MutexGuard guard(position_mutex_);
  if (flags() & open_flag::append) {
    std::uint64_t end = position();
    const std::size_t count = TRY(do_append(from, size_limit, end));
    position_.store(end, std::memory_order_relaxed);
    return count;
  }
  const std::uint64_t position = this->position();
  const std::size_t count = TRY(do_write(from, position, size_limit));
  position_.store(position + count, std::memory_order_relaxed);
  return count;
}

Result<std::size_t> File::read_at(IoBuffer& to, std::uint64_t offset) {
  if (positions_ == Positions::none && !path_only()) return Error::spipe;
  if (!readable()) return Error::badf;
  if (offset > file_size_max) return Error::inval;
  return do_read(to, offset);
}

Result<std::size_t> File::write_at(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) {
  if (positions_ == Positions::none && !path_only()) return Error::spipe;
  if (!writable()) return Error::badf;
  if (offset > file_size_max) return Error::inval;
  if (flags() & open_flag::append) {
    std::uint64_t end = 0;
    return do_append(from, size_limit, end);
  }
  return do_write(from, offset, size_limit);
}

Result<std::uint64_t> File::seek(std::int64_t offset, Seek from) {
  if (path_only()) return Error::badf;
  if (positions_ == Positions::none) return Error::spipe;
  MutexGuard guard(position_mutex_);
  const std::uint64_t position = TRY(do_seek(offset, from));
  position_.store(position, std::memory_order_relaxed);
  taken_of_entry_ = 0;
  return position;
}

Result<void> File::read_directory(DirectorySink& sink) {
  if (path_only()) return Error::badf;
  if (!inode_->is_directory()) return Error::notdir;
  MutexGuard guard(position_mutex_);
  std::uint64_t position = this->position();
  std::uint8_t* const taken = sink.taken_of_next();
  if (taken) *taken = taken_of_entry_;
  const Result<void> outcome = do_read_directory(sink, position);
  if (!sink.deliver(position)) return Error::fault;
  position_.store(position, std::memory_order_relaxed);
  taken_of_entry_ = taken ? *taken : 0;
  return outcome;
}

void File::note_access() const {
  if (flags() & open_flag::no_access_time) return;
  if (path_ && path_.mount->flags() & (mount_flag::no_access_time | mount_flag::read_only)) return;
  inode_->touch_accessed();
}

Result<std::size_t> File::do_read(IoBuffer&, std::uint64_t) { return Error::inval; }
Result<std::size_t> File::do_write(IoBuffer&, std::uint64_t, std::uint64_t) { return Error::inval; }

Result<std::size_t> File::do_append(IoBuffer& from, std::uint64_t size_limit, std::uint64_t& end) {
  const std::size_t count = TRY(do_write(from, end, size_limit));
  end += count;
  return count;
}

Result<std::uint64_t> File::do_seek(std::int64_t offset, Seek from) {
  if (from == Seek::data || from == Seek::hole) {
    if (offset < 0) return Error::nxio;
    return inode_->seek_extent(from == Seek::data ? Extent::data : Extent::hole, static_cast<std::uint64_t>(offset));
  }
  std::int64_t base = 0;
  if (from == Seek::current) base = static_cast<std::int64_t>(position());
  if (from == Seek::end) base = static_cast<std::int64_t>(inode_->size());
  std::int64_t result;
  if (__builtin_add_overflow(base, offset, &result)) return Error::overflow;
  if (result < 0) return Error::inval;
  return static_cast<std::uint64_t>(result);
}

Result<void> File::do_read_directory(DirectorySink&, std::uint64_t&) { return Error::notdir; }

// --- the rest ----------------------------------------------------------------------------------------------------------

PollEvents File::poll(PollWaiters* waiters) {
  if (waiters) waiters->note_never_blocks();
  return poll_event::readable | poll_event::writable;
}

bool File::never_blocks() {
  Event nobody;
  PollWaiters places(nobody, 0);
  (void)poll(&places);
  return places.never_blocks();
}

Result<std::size_t> File::readable_bytes() { return Error::notty; }
Result<long> File::control(unsigned, std::uintptr_t) { return Error::notty; }
Result<Ref<MemoryObject>> File::memory_object() { return Error::nodev; }
Result<void> File::sync() { return {}; }  // what is in memory only is as safe as it will get

Result<void> File::truncate(std::uint64_t size, std::uint64_t size_limit) {
  if (path_only()) return Error::badf;
  if (!writable() || !inode_->is_regular()) return Error::inval;
  return truncate_inode(*inode_, *credentials_, size, size_limit);
}

Result<void> File::allocate(Allocate how, std::uint64_t offset, std::uint64_t length, std::uint64_t size_limit) {
  if (!writable()) return Error::badf;
  if (length == 0 || offset > file_size_max || length > file_size_max) return Error::inval;
  if (inode_->type() == FileType::fifo) return Error::spipe;
  if (!inode_->is_regular()) return Error::nodev;
  if (length > file_size_max - offset) return Error::fbig;
  MutexGuard guard(inode_->mutex());
  const bool extends = how == Allocate::extend || how == Allocate::zero_range;
  if (extends && offset + length > inode_->size() && offset + length > size_limit) return Error::fbig;
  TRY(inode_->allocate(how, offset, length));
  drop_set_id_bits(*inode_, *credentials_);
  return {};
}

}  // namespace cv6
