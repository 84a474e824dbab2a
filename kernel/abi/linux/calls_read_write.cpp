// Data of open files: read(2), write(2), readv(2), pread(2), lseek(2), sendfile(2), copy_file_range(2).
//
// Files report Error::pipe and Error::fbig; here they become SIGPIPE and SIGXFSZ as well (write(2), setrlimit(2)).
#include <algorithm>

#include "abi/linux/handlers.hpp"
#include "abi/linux/pieces.hpp"
#include "abi/support.hpp"
#include "task/send_signal.hpp"

namespace cv6::linux_abi {
namespace {

Result<long> finish_read(Context& context, const Result<std::size_t>& moved) {
  if (!moved) [[unlikely]] return moved.error();
  count_read(context.process, *moved);
  return static_cast<long>(*moved);
}

Result<long> finish_write(Context& context, const Result<std::size_t>& moved) {
  if (!moved) [[unlikely]] {
    if (moved.error() == Error::pipe) signal_self(context.thread, signal::pipe);
    // Beyond the limit, not beyond what any file can hold.
    if (moved.error() == Error::fbig && file_size_limit(context) != ResourceLimit::infinity)
      signal_self(context.thread, signal::file_limit);
    return moved.error();
  }
  count_write(context.process, *moved);
  return static_cast<long>(*moved);
}

enum class Where : std::uint8_t { at_position, at_offset };
enum class Sync : std::uint8_t { no, yes };

Result<long> read_vector(Context& context, Descriptor descriptor, UserPtr<Iovec> vector, long count, Where where, long offset) {
  auto file = TRY(context.process.files().use(descriptor.number));
  Pieces pieces;
  IoBuffer buffer(TRY(pieces.read(vector, count)));
  if (where == Where::at_position) return finish_read(context, file->read(buffer));
  if (offset < 0) return Error::inval;
  return finish_read(context, file->read_at(buffer, static_cast<std::uint64_t>(offset)));
}

Result<long> write_vector(Context& context, Descriptor descriptor, UserPtr<Iovec> vector, long count, Where where, long offset,
                          Sync sync) {
  auto file = TRY(context.process.files().use(descriptor.number));
  Pieces pieces;
  IoBuffer buffer(TRY(pieces.read(vector, count)));
  if (where == Where::at_offset && offset < 0) return Error::inval;
  if (buffer.empty() && file->writable()) return 0;  // not even an empty message, as write(2) would send
  const std::uint64_t limit = file_size_limit(context);
  const auto moved = TRY(finish_write(context, where == Where::at_position
                                                   ? file->write(buffer, limit)
                                                   : file->write_at(buffer, static_cast<std::uint64_t>(offset), limit)));
  if (sync == Sync::yes) TRY(file->sync());
  return moved;
}

// preadv2(2): all in memory, so RWF_HIPRI changes nothing; RWF_NOWAIT and RWF_APPEND are not offered.
constexpr unsigned rwf_hipri = 1, rwf_dsync = 2, rwf_sync = 4;

}  // namespace

Result<long> sys_read(Context& context, Descriptor descriptor, UserBytes to, std::size_t count) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (!arch::is_user_range(to.address(), count)) [[unlikely]] return Error::fault;
  IoBuffer buffer(to.address(), std::min(count, max_transfer));
  return finish_read(context, file->read(buffer));
}

Result<long> sys_write(Context& context, Descriptor descriptor, UserBytes from, std::size_t count) {
  auto file = TRY(context.process.files().use(descriptor.number));
  if (!arch::is_user_range(from.address(), count)) [[unlikely]] return Error::fault;
  IoBuffer buffer(from.address(), std::min(count, max_transfer));
  return finish_write(context, file->write(buffer, file_size_limit(context)));
}

Result<long> sys_pread64(Context& context, Descriptor descriptor, UserBytes to, std::size_t count, long offset) {
  if (offset < 0) return Error::inval;
  auto file = TRY(context.process.files().use(descriptor.number));
  if (!arch::is_user_range(to.address(), count)) return Error::fault;
  IoBuffer buffer(to.address(), std::min(count, max_transfer));
  return finish_read(context, file->read_at(buffer, static_cast<std::uint64_t>(offset)));
}

Result<long> sys_pwrite64(Context& context, Descriptor descriptor, UserBytes from, std::size_t count, long offset) {
  if (offset < 0) return Error::inval;
  auto file = TRY(context.process.files().use(descriptor.number));
  if (!arch::is_user_range(from.address(), count)) return Error::fault;
  IoBuffer buffer(from.address(), std::min(count, max_transfer));
  return finish_write(context, file->write_at(buffer, static_cast<std::uint64_t>(offset), file_size_limit(context)));
}

Result<long> sys_readv(Context& context, Descriptor file, UserPtr<Iovec> vector, long count) {
  return read_vector(context, file, vector, count, Where::at_position, 0);
}

Result<long> sys_writev(Context& context, Descriptor file, UserPtr<Iovec> vector, long count) {
  return write_vector(context, file, vector, count, Where::at_position, 0, Sync::no);
}

// The offset comes in two halves for the sake of 32-bit programs; here the lower one holds all of it.
Result<long> sys_preadv(Context& context, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low,
                        unsigned long) {
  return read_vector(context, file, vector, count, Where::at_offset, static_cast<long>(low));
}

Result<long> sys_pwritev(Context& context, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low,
                         unsigned long) {
  return write_vector(context, file, vector, count, Where::at_offset, static_cast<long>(low), Sync::no);
}

Result<long> sys_preadv2(Context& context, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low,
                         unsigned long, Flags flags) {
  if (!flags.only(rwf_hipri)) return Error::opnotsupp;
  const long offset = static_cast<long>(low);
  return read_vector(context, file, vector, count, offset == -1 ? Where::at_position : Where::at_offset, offset);
}

Result<long> sys_pwritev2(Context& context, Descriptor file, UserPtr<Iovec> vector, long count, unsigned long low,
                          unsigned long, Flags flags) {
  if (!flags.only(rwf_hipri | rwf_dsync | rwf_sync)) return Error::opnotsupp;
  const long offset = static_cast<long>(low);
  return write_vector(context, file, vector, count, offset == -1 ? Where::at_position : Where::at_offset, offset,
                      flags.has(rwf_dsync | rwf_sync) ? Sync::yes : Sync::no);
}

Result<long> sys_lseek(Context& context, Descriptor descriptor, long offset, unsigned whence) {
  auto file = TRY(context.process.files().use(descriptor.number));
  constexpr Seek ways[] = {Seek::set, Seek::current, Seek::end, Seek::data, Seek::hole};
  if (whence >= std::size(ways)) return Error::inval;
  return static_cast<long>(TRY(file->seek(offset, ways[whence])));
}

}  // namespace cv6::linux_abi
