// From file to file inside the kernel: sendfile(2), copy_file_range(2), ioctl_ficlonerange(2).
#include <algorithm>
#include <climits>
#include <memory>

#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "fs/paged_inode.hpp"
#include "task/send_signal.hpp"

namespace cv6::linux_abi {
namespace {

// Where a copy reads or writes: an explicit offset of the program's, or the file's own position.
class CopyEnd {
 public:
  CopyEnd(File& file, UserPtr<long> offset) : file_(file), offset_pointer_(offset) {}
  // Error::spipe: an offset for what has none; Error::inval.
  Result<void> begin() {
    offset_ = TRY(file_.seek(0, Seek::current));
    if (!offset_pointer_) return {};
    const long given = TRY(offset_pointer_.read());
    if (given < 0) return Error::inval;
    offset_ = static_cast<std::uint64_t>(given);
    return {};
  }
  Result<void> end() {
    if (offset_pointer_) return offset_pointer_.write(static_cast<long>(offset_));
    TRY(file_.seek(static_cast<std::int64_t>(offset_), Seek::set));
    return {};
  }
  std::uint64_t offset() const { return offset_; }
  void advance(std::size_t bytes) { offset_ += bytes; }

 private:
  File& file_;
  UserPtr<long> offset_pointer_;
  std::uint64_t offset_ = 0;
};

void count_copy(Process& process, std::size_t moved) {
  count_read(process, moved);
  count_write(process, moved);
}

// Of two regular files, what can be done by sharing pages: returns how many bytes.
Result<std::uint64_t> share(Context& context, File& from, std::uint64_t from_offset, File& to, std::uint64_t to_offset,
                            std::uint64_t count, PagedInode::Share what) {
  if (!to.inode().page_cache()) return 0;
  return static_cast<PagedInode&>(to.inode())
      .share_range(from.inode(), from_offset, to_offset, count, what, file_size_limit(context), to.credentials());
}

constexpr std::size_t chunk_size = 16384;
using Chunk = std::unique_ptr<char[]>;

// Moves up to `count` bytes; `write(bytes)` puts a piece where it goes and says how much of it got there. An error after
// the first bytes is left to the next call to find.
template <class Write>
Result<std::size_t> copy(File& from, CopyEnd& source, std::size_t count, Write write) {
  Chunk chunk(new (std::nothrow) char[std::min(count, chunk_size)]);
  if (!chunk) return Error::nomem;
  std::size_t total = 0;
  while (total < count) {
    IoBuffer in = IoBuffer::kernel(std::span<char>(chunk.get(), std::min(count - total, chunk_size)));
    const auto got = from.read_at(in, source.offset());
    if (!got && total == 0) return got.error();
    if (!got || *got == 0) break;
    const Result<std::size_t> put = write(std::span<const char>(chunk.get(), *got));
    if (!put && total == 0) return put.error();
    if (!put) break;
    source.advance(*put);
    total += *put;
    if (*put < *got || UserThread::current().interrupted()) break;
    sched::maybe_yield();
  }
  return total;
}

}  // namespace

Result<long> sys_sendfile(Context& context, Descriptor to_descriptor, Descriptor from_descriptor, UserPtr<long> offset,
                          std::size_t count) {
  auto from = TRY(context.process.files().use(from_descriptor.number));
  if (!from->readable()) return Error::badf;
  auto to = TRY(context.process.files().use(to_descriptor.number));
  if (!to->writable()) return Error::badf;
  if (from->inode().is_directory() || (to->flags() & open_flag::append)) return Error::inval;
  CopyEnd source(*from, offset);
  // What has no position cannot be mapped either, which is what Linux asks of the source: EINVAL, and programs fall back.
  if (const auto begun = source.begin(); !begun) return begun.error() == Error::spipe && !offset ? Error::inval : begun.error();
  const auto moved = copy(*from, source, std::min(count, max_transfer), [&](std::span<const char> bytes) {
    IoBuffer out = IoBuffer::kernel(bytes);
    return to->write(out, file_size_limit(context));
  });
  if (!moved && moved.error() == Error::pipe) signal_self(context.thread, signal::pipe);
  const std::size_t total = TRY(moved);
  count_copy(context.process, total);
  TRY(source.end());
  return static_cast<long>(total);
}

namespace {

// Within one file: what is there to be copied must not lie where it is copied to. Error::inval.
Result<std::size_t> count_within(File& file, std::uint64_t from, std::uint64_t to, std::size_t wanted) {
  const std::uint64_t size = file.inode().size();
  const std::uint64_t count = std::min<std::uint64_t>(wanted, size - std::min(size, from));
  if (from < to + count && to < from + count) return Error::inval;
  return count;
}

}  // namespace

Result<long> sys_copy_file_range(Context& context, Descriptor from_descriptor, UserPtr<long> from_offset,
                                 Descriptor to_descriptor, UserPtr<long> to_offset, std::size_t count, Flags flags) {
  if (flags.bits != 0) return Error::inval;
  auto from = TRY(context.process.files().use(from_descriptor.number));
  auto to = TRY(context.process.files().use(to_descriptor.number));
  if (from->inode().is_directory() || to->inode().is_directory()) return Error::isdir;
  if (!from->inode().is_regular() || !to->inode().is_regular()) return Error::inval;
  if (!from->readable() || !to->writable() || (to->flags() & open_flag::append)) return Error::badf;
  CopyEnd source(*from, from_offset), target(*to, to_offset);
  TRY(source.begin());
  TRY(target.begin());
  count = std::min(count, max_transfer);
  if (&from->inode() == &to->inode()) count = TRY(count_within(*from, source.offset(), target.offset(), count));
  constexpr auto what = PagedInode::Share::what_pages_can;
  const std::uint64_t shared = TRY(share(context, *from, source.offset(), *to, target.offset(), count, what));
  source.advance(shared);
  target.advance(shared);
  const auto copied = copy(*from, source, count - shared, [&](std::span<const char> bytes) {
    IoBuffer out = IoBuffer::kernel(bytes);
    const auto put = to->write_at(out, target.offset(), file_size_limit(context));
    if (put) target.advance(*put);
    return put;
  });
  if (!copied && shared == 0) return copied.error();
  const std::size_t total = shared + copied.value_or(0);
  if (total != 0) count_copy(context.process, total);
  TRY(source.end());
  TRY(target.end());
  return static_cast<long>(total);
}

Result<long> clone_range(Context& context, File& to, const FileCloneRange& range) {
  if (range.src_fd < INT_MIN || range.src_fd > INT_MAX) return Error::badf;
  auto from = TRY(context.process.files().use(static_cast<int>(range.src_fd)));
  if (from->inode().is_directory() || to.inode().is_directory()) return Error::isdir;
  if (!from->inode().is_regular() || !to.inode().is_regular()) return Error::inval;
  if (!from->readable() || !to.writable() || (to.flags() & open_flag::append)) return Error::badf;
  if (!from->inode().page_cache() || !to.inode().page_cache()) return Error::opnotsupp;
  const std::uint64_t size = from->inode().size();
  if (range.src_offset > size || range.src_length > size - range.src_offset) return Error::inval;
  const std::uint64_t length = range.src_length ? range.src_length : size - range.src_offset;
  if (range.dest_offset > INT64_MAX || length > INT64_MAX - range.dest_offset) return Error::inval;
  if (length == 0) return 0;
  TRY(share(context, *from, range.src_offset, to, range.dest_offset, length, PagedInode::Share::all));
  return 0;
}

}  // namespace cv6::linux_abi
