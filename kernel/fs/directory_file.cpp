#include "fs/directory_file.hpp"

#include "mm/payer.hpp"

namespace cv6 {

namespace {

class DirectoryFile final : public File, public Charged<DirectoryFile, "directory_file", charged_beside_file> {
 public:
  explicit DirectoryFile(Ref<Inode> inode) : File(std::move(inode), Positions::seekable) {}

 protected:
  Result<std::size_t> do_read(IoBuffer&, std::uint64_t) override { return Error::isdir; }
  Result<std::uint64_t> do_seek(std::int64_t offset, Seek from) override;
  Result<void> do_read_directory(DirectorySink& sink, std::uint64_t& position) override;

 private:
  std::uint64_t parent_number() const;
};

// telldir(3) and seekdir(3): positions are what read_directory said.
Result<std::uint64_t> DirectoryFile::do_seek(std::int64_t offset, Seek from) {
  if (from == Seek::current) {
    if (__builtin_add_overflow(offset, static_cast<std::int64_t>(position()), &offset)) return Error::overflow;
  } else if (from != Seek::set) {
    return Error::inval;
  }
  if (offset < 0) return Error::inval;
  return static_cast<std::uint64_t>(offset);
}

std::uint64_t DirectoryFile::parent_number() const {
  const Path parent = path() ? parent_of(path(), {}) : Path();
  return parent ? parent.inode().number() : inode().number();
}

Result<void> DirectoryFile::do_read_directory(DirectorySink& sink, std::uint64_t& position) {
  if (position == 0) {
    if (inode().removed()) return Error::noent;
    if (!sink.entry(".", inode().number(), FileType::directory, 1)) return {};
    position = 1;
  }
  if (position == 1) {
    if (!sink.entry("..", parent_number(), FileType::directory, Inode::first_position)) return {};
    position = Inode::first_position;
  }
  MutexGuard guard(inode().mutex());
  if (inode().removed()) return {};
  note_access();
  return inode().iterate(position, sink);
}

}  // namespace

Result<Ref<File>> open_directory(Ref<Inode> inode) { return Ref<File>(TRY(make<DirectoryFile>(std::move(inode)))); }

}  // namespace cv6
