// /proc/PID/mem: the process's memory as a file, offsets being addresses. Rights are looked at for each access, so a
// descriptor opened before the process executed a privileged program is worth nothing afterwards; and the file does not
// keep the memory of a process that is gone.
#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

class MemoryFile final : public File {
 public:
  MemoryFile(Ref<Inode> inode, Subject subject)
      : File(std::move(inode), Positions::seekable), subject_(std::move(subject)) {}

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override {
    return transfer(to, offset,
                    [&](AddressSpace& memory, std::uint64_t address, std::span<char> piece) -> Result<std::size_t> {
                      TRY(memory.read_memory(address, std::as_writable_bytes(piece)));
                      return to.put(piece.data(), piece.size());
                    });
  }
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t) override {
    return transfer(from, offset,
                    [&](AddressSpace& memory, std::uint64_t address, std::span<char> piece) -> Result<std::size_t> {
                      const std::size_t taken = TRY(from.take(piece.data(), piece.size()));
                      TRY(memory.write_memory(address, std::as_bytes(piece.first(taken))));
                      return taken;
                    });
  }

 private:
  // Moves pieces that do not cross a page until the buffer is done or `move` fails; what was moved before counts.
  template <class Move>
  Result<std::size_t> transfer(IoBuffer& buffer, std::uint64_t offset, Move move) {
    Ref<AddressSpace> memory = TRY(subject_.inspected_memory());
    if (!memory) return 0;
    Own<char[]> page(new (std::nothrow) char[page_size]);
    if (!page) return Error::nomem;
    std::size_t done = 0;
    while (!buffer.empty()) {
      const std::uint64_t at = offset + done;
      std::size_t size = page_size - at % page_size;
      if (size > buffer.remaining()) size = buffer.remaining();
      const Result<std::size_t> moved = move(*memory, at, {page.get(), size});
      if (!moved && done == 0) return moved.error();
      if (!moved || *moved == 0) break;
      done += *moved;
      sched::maybe_yield();
    }
    return done;
  }

  Subject subject_;
};

class MemoryInode final : public About<Inode> {
 public:
  MemoryInode(const Subject& subject, const ProcessEntry& entry, const Subject::Owner& owner)
      : About(subject, entry.part(), procfs(),
              Identity{.type = FileType::regular, .mode = entry.mode, .user = owner.user, .group = owner.group}) {}

  Result<Ref<File>> open(const Path&, OpenFlags) override {
    TRY(subject().inspected_process());
    return make<MemoryFile>(Ref<Inode>(this), subject());
  }
  Result<void> truncate(std::uint64_t) override { return {}; }
};

}  // namespace

Result<Ref<Inode>> make_memory_file(const Subject& subject, const ProcessEntry& entry) {
  return make<MemoryInode>(subject, entry, subject.owner(Subject::OwnerOf::undumpable));
}

}  // namespace cv6::proc
