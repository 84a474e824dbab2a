#include "fs/pipe.hpp"

#include <bit>

#include "fs/anonymous.hpp"
#include "fs/pipe_ring.hpp"
#include "mm/payer.hpp"

namespace cv6 {

namespace {

class PipeInode final : public Inode, public Charged<PipeInode, "pipe_inode"> {
 public:
  explicit PipeInode(const Credentials& maker)
      : Inode(anonymous::file_system(), {.type = FileType::fifo,
                                         .mode = 0600,
                                         .user = maker.ids().file_user,
                                         .group = maker.ids().file_group,
                                         .represents = 0}) {}
};

// One end, or both (a fifo opened for reading and writing).
class PipeFile final : public File, public Charged<PipeFile, "pipe_file"> {
 public:
  PipeFile(Ref<Inode> inode, Ref<Pipe> pipe, PipeAccess access)
      : File(std::move(inode), Positions::none), pipe_(std::move(pipe)), access_(access) {
    pipe_->add_end(access);
  }
  ~PipeFile() override;

  void describe(Output& out) const override { print(out, "pipe:[{}]", inode().number()); }
  PollEvents poll(PollWaiters* waiters) override;
  Result<std::size_t> readable_bytes() override { return pipe_->used(); }
  Pipe& pipe() const { return *pipe_; }
  // Opened without waiting for a writer: no hang-up is seen until there has been one.
  void note_writers_seen() { writers_seen_ = pipe_->has_writers() ? 0 : pipe_->writers_ever(); }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override {
    const Result<std::size_t> count = pipe_->read(to, blocking());
    if (path() && count) note_access();
    return count;
  }
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t, std::uint64_t) override {
    const Result<std::size_t> count = pipe_->write(from, blocking());
    if (path() && count) inode().touch_modified();
    return count;
  }

 private:
  PollEvents watch(PollWaiters& waiters);

  Ref<Pipe> pipe_;
  PipeAccess access_;
  std::uint64_t writers_seen_ = 0;
};

PipeFile::~PipeFile() {
  MutexGuard guard(inode().mutex());
  pipe_->remove_end(access_);
  if (!pipe_->in_use()) inode().pipe_slot().store(nullptr, std::memory_order_relaxed);
}

PollEvents PipeFile::poll(PollWaiters* waiters) {
  if (waiters) [[unlikely]] return watch(*waiters);
  if (!access_.writes) return pipe_->poll_reading(writers_seen_);
  const PollEvents events = pipe_->poll_writing();
  return access_.reads ? events | pipe_->poll_reading(writers_seen_) : events;
}

PollEvents PipeFile::watch(PollWaiters& waiters) {
  pipe_->watch(waiters, access_);
  return poll(nullptr);
}

Result<Ref<PipeFile>> make_end(Inode& inode, const Ref<Pipe>& pipe, OpenFlags flags) {
  return make<PipeFile>(Ref<Inode>(&inode), pipe,
                        PipeAccess{bool(flags & open_flag::read), bool(flags & open_flag::write)});
}

// Which of File's kinds it is cannot be asked; a pipe's inode has a pipe as long as one of its files is open.
Pipe* pipe_of(const File& file) {
  if (file.inode().type() != FileType::fifo || file.path_only()) return nullptr;
  return file.inode().pipe_slot().load(std::memory_order_relaxed);
}

}  // namespace

Result<PipeEnds> make_pipe(OpenFlags flags, const Credentials& credentials, GuestMemory& owner) {
  if (flags & open_flag::direct) return Error::inval;
  Ref<PipeInode> inode = TRY(make<PipeInode>(credentials));
  Ref<Pipe> pipe = TRY(Pipe::create(Ref<GuestMemory>(&owner)));
  const OpenFlags kept = flags & open_flag::nonblock;
  PipeEnds ends;
  ends.reading = TRY(make_end(*inode, pipe, open_flag::read));
  ends.reading->set_up({}, kept | open_flag::read, credentials);
  ends.writing = TRY(make_end(*inode, pipe, open_flag::write));
  ends.writing->set_up({}, kept | open_flag::write, credentials);
  inode->pipe_slot().store(pipe.get(), std::memory_order_relaxed);
  return ends;
}

// The inode's mutex covers the slot; nothing waits for the other end with it held. A pipe without a name, opened again by
// /proc/PID/fd, never waits: it has had both ends (fifo(7) speaks of names only; Linux does so).
Result<Ref<File>> open_fifo(Inode& inode, OpenFlags flags) {
  const bool reads = flags & open_flag::read;
  const bool writes = flags & open_flag::write;
  const bool nonblocking = flags & open_flag::nonblock;
  const bool named = &inode.file_system() != anonymous::file_system().get();
  Ref<Pipe> pipe;
  Ref<PipeFile> file;
  std::uint64_t writers_before;
  std::uint64_t readers_before;
  {
    MutexGuard guard(inode.mutex());
    if (Pipe* open = inode.pipe_slot().load(std::memory_order_relaxed))
      pipe = Ref<Pipe>(open);
    else
      pipe = TRY(Pipe::create(Ref<GuestMemory>(&inode.charged_to())));
    if (named && writes && !reads && nonblocking && !pipe->has_readers()) return Error::nxio;
    writers_before = pipe->writers_ever();
    readers_before = pipe->readers_ever();
    const Result<Ref<PipeFile>> made = make_end(inode, pipe, flags);
    if (!made) return made.error();
    file = *made;
    inode.pipe_slot().store(pipe.get(), std::memory_order_relaxed);
  }
  if (!named) return Ref<File>(std::move(file));
  if (reads && !writes) {
    if (nonblocking) file->note_writers_seen();
    else if (!pipe->has_writers()) TRY(pipe->wait_for_writer(writers_before));
  } else if (writes && !reads && !pipe->has_readers()) {
    TRY(pipe->wait_for_reader(readers_before));
  }
  return Ref<File>(std::move(file));
}

Result<std::size_t> pipe_capacity(const File& file) {
  Pipe* pipe = pipe_of(file);
  if (!pipe) return Error::badf;
  return pipe->capacity();
}

Result<std::size_t> set_pipe_capacity(File& file, std::size_t bytes, const Credentials& credentials, const GuestMemory& memory) {
  Pipe* pipe = pipe_of(file);
  if (!pipe) return Error::badf;
  if (bytes > std::size_t{1} << 31) return Error::inval;
  const std::size_t rounded = std::bit_ceil(bytes < page_size ? page_size : bytes);
  if (rounded > pipe_max_capacity && rounded > pipe->capacity() && !credentials.privileged()) return Error::perm;
  if (rounded != pipe->capacity() && &pipe->owner() != &memory) return Error::perm;
  TRY(pipe->set_capacity(rounded));
  return rounded;
}

}  // namespace cv6
