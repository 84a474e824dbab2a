#include "fs/synthetic.hpp"

#include <algorithm>
#include <cstring>

#include "mm/payer.hpp"

namespace cv6 {

// --- text --------------------------------------------------------------------------------------------------------------

TextBuffer::~TextBuffer() { ::operator delete(bytes_); }

void TextBuffer::write(std::string_view text) {
  if (text.size() > capacity_ - size_) {
    const std::size_t capacity = std::max({capacity_ * 2, size_ + text.size(), std::size_t{256}});
    char* bytes = static_cast<char*>(::operator new(capacity, std::nothrow));
    if (!bytes) {
      complete_ = false;
      return;
    }
    if (size_) std::memcpy(bytes, bytes_, size_);
    ::operator delete(bytes_);
    bytes_ = bytes;
    capacity_ = capacity;
  }
  if (text.empty()) return;
  std::memcpy(bytes_ + size_, text.data(), text.size());
  size_ += text.size();
}

FileSystemStatus SyntheticFileSystem::status() {
  FileSystemStatus status;
  status.magic = magic_;
  status.identity = device();
  return status;
}

// --- files -------------------------------------------------------------------------------------------------------------

namespace {

// The text is made at the first read, and anew at a read from the beginning.
class SyntheticOpenFile final : public File, public Charged<SyntheticOpenFile, "synthetic_file", 1024> {
 public:
  explicit SyntheticOpenFile(Ref<SyntheticFile> inode) : File(std::move(inode), Positions::seekable) {}

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override;

 private:
  SyntheticFile& file() const { return static_cast<SyntheticFile&>(inode()); }
  Mutex mutex_;  // covers the text: read_at() comes without the position's mutex
  TextBuffer text_;
  bool generated_ = false;
};

Result<std::size_t> SyntheticOpenFile::do_read(IoBuffer& to, std::uint64_t offset) {
  MutexGuard guard(mutex_);
  if (offset == 0 || !generated_) {
    text_.clear();
    TRY(file().generate(text_));
    if (!text_.complete()) return Error::nomem;
    generated_ = true;
  }
  const std::string_view text = text_.view();
  if (offset >= text.size()) return 0;
  return to.put(text.data() + offset, text.size() - offset);
}

Result<std::size_t> SyntheticOpenFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  const std::size_t size = from.remaining();
  if (size > page_size) return Error::inval;
  Own<char[]> text(new (std::nothrow) char[size + 1]);
  if (!text) return Error::nomem;
  if (size && TRY(from.take(text.get(), size)) != size) return Error::fault;
  TRY(file().store({text.get(), size}));
  return size;
}

class TableFile final : public SyntheticFile {
 public:
  TableFile(Ref<FileSystem> file_system, Mode mode, Generate generate, Store store)
      : SyntheticFile(std::move(file_system), mode), generate_(generate), store_(store) {}
  Result<void> generate(TextBuffer& out) override { return generate_(out); }
  Result<void> store(std::string_view text) override { return store_ ? store_(text) : SyntheticFile::store(text); }

 private:
  Generate generate_;
  Store store_;
};

}  // namespace

SyntheticFile::SyntheticFile(Ref<FileSystem> file_system, Mode mode, std::uint32_t user, std::uint32_t group)
    : Inode(std::move(file_system),
            {.type = FileType::regular, .mode = mode, .user = user, .group = group, .represents = 0}) {}

Result<void> SyntheticFile::store(std::string_view) { return Error::acces; }

Result<Ref<File>> SyntheticFile::open(const Path&, OpenFlags) {
  return Ref<File>(TRY(make<SyntheticOpenFile>(Ref<SyntheticFile>(this))));
}

Result<Ref<Inode>> make_synthetic_file(Ref<FileSystem> file_system, Mode mode, Generate generate, Store store) {
  return Ref<Inode>(TRY(make<TableFile>(std::move(file_system), mode, generate, store)));
}

// --- directories -------------------------------------------------------------------------------------------------------

struct SyntheticDirectory::Entry {
  String name;
  Ref<Inode> inode;
};

SyntheticDirectory::SyntheticDirectory(Ref<FileSystem> file_system, Mode mode, std::uint32_t user,
                                       std::uint32_t group)
    : Inode(std::move(file_system),
            {.type = FileType::directory, .mode = mode, .user = user, .group = group, .represents = 0}) {}

SyntheticDirectory::~SyntheticDirectory() = default;

Result<void> SyntheticDirectory::add(std::string_view name, Ref<Inode> child) {
  Own<Entry> entry(new (std::nothrow) Entry);
  if (!entry) return Error::nomem;
  entry->name = TRY(String::create(name));
  if (child->is_directory()) set_links(links() + 1);
  entry->inode = std::move(child);
  return entries_.push_back(std::move(entry));
}

Result<Ref<SyntheticDirectory>> SyntheticDirectory::add_directory(std::string_view name, Mode mode) {
  Ref<SyntheticDirectory> directory = TRY(make<SyntheticDirectory>(Ref<FileSystem>(&file_system()), mode));
  TRY(add(name, directory));
  return directory;
}

Result<Ref<Inode>> SyntheticDirectory::child(std::string_view) { return Error::noent; }

Result<void> SyntheticDirectory::list(std::uint64_t& position, DirectorySink&) {
  position = UINT64_MAX >> 1;
  return {};
}

Result<Ref<Inode>> SyntheticDirectory::lookup(std::string_view name) {
  for (const Own<Entry>& entry : entries_)
    if (entry->name.view() == name) return entry->inode;
  return child(name);
}

Result<void> SyntheticDirectory::iterate(std::uint64_t& position, DirectorySink& sink) {
  for (; position - first_position < entries_.size(); ++position) {
    const Entry& entry = *entries_[position - first_position];
    if (!sink.entry(entry.name, entry.inode->number(), entry.inode->type(), position + 1)) return {};
  }
  if (position < first_dynamic_position) position = first_dynamic_position;
  if (position > last_dynamic_position) return {};
  return list(position, sink);
}

// --- links -------------------------------------------------------------------------------------------------------------

SyntheticLink::SyntheticLink(Ref<FileSystem> file_system, Mode mode, std::uint32_t user, std::uint32_t group)
    : Inode(std::move(file_system),
            {.type = FileType::symlink, .mode = mode, .user = user, .group = group, .represents = 0}) {}

Result<std::size_t> SyntheticLink::read_link(std::span<char> to) {
  BufferOutput out(to);
  TRY(generate(out));
  return out.view().size();
}

Result<Path> MagicLink::follow_magic_link() { return target(); }

}  // namespace cv6
