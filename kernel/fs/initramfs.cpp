#include "fs/initramfs.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "fs/initramfs_unpacker.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

// "newc": a header of ASCII digits, the name with its NUL, padding, the data, padding; each part begins at a multiple of
// 4 from the beginning.
constexpr std::size_t header_size = 110;
constexpr std::size_t magic_size = 6;
constexpr std::size_t field_size = 8;
constexpr std::size_t alignment = 4;
constexpr std::string_view trailer = "TRAILER!!!";

constexpr std::uint32_t type_mask = 0170000;

enum Field { inode_field, mode_field, user_field, group_field, links_field, modified_field, size_field, major_field,
             minor_field, special_major_field, special_minor_field, name_size_field, check_field, field_count };

std::optional<std::uint32_t> parse_hexadecimal(const char* digits) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < field_size; ++i) {
    const char c = digits[i];
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10)
                                                  : 16;
    if (digit > 15) return std::nullopt;
    value = value << 4 | digit;
  }
  return value;
}

std::optional<FileType> file_type(std::uint32_t mode) {
  switch (mode & type_mask) {
    case 0010000: return FileType::fifo;
    case 0020000: return FileType::character_device;
    case 0040000: return FileType::directory;
    case 0060000: return FileType::block_device;
    case 0100000: return FileType::regular;
    case 0120000: return FileType::symlink;
    case 0140000: return FileType::socket;
    default: return std::nullopt;
  }
}

constexpr std::uint64_t align(std::uint64_t offset) { return (offset + alignment - 1) & ~(alignment - 1); }

class Archive {
 public:
  Archive(std::string_view bytes, InitramfsUnpacker& unpacker) : bytes_(bytes), unpacker_(unpacker) {}
  Result<void> unpack();

 private:
  Result<void> unpack_entry(bool& ended);
  Result<void> parse_header(ArchiveEntry& entry, std::uint64_t& name_size);
  Error bad(std::string_view what) const;

  std::string_view bytes_;
  InitramfsUnpacker& unpacker_;
  std::uint64_t offset_ = 0;
};

Error Archive::bad(std::string_view what) const {
  log(LogLevel::error, "initramfs: {} at byte {} of {}", what, offset_, bytes_.size());
  return Error::inval;
}

Result<void> Archive::parse_header(ArchiveEntry& entry, std::uint64_t& name_size) {
  const char* header = bytes_.data() + offset_;
  const std::string_view magic(header, magic_size);
  if (magic != "070701" && magic != "070702") return bad("no cpio header");
  std::uint32_t fields[field_count];
  for (std::size_t i = 0; i < field_count; ++i) {
    const std::optional<std::uint32_t> value = parse_hexadecimal(header + magic_size + i * field_size);
    if (!value) return bad("a number that is not hexadecimal");
    fields[i] = *value;
  }
  entry.identity = {fields[inode_field], make_device(fields[major_field], fields[minor_field])};
  entry.mode = fields[mode_field] & mode::all;
  entry.user = fields[user_field];
  entry.group = fields[group_field];
  entry.links = fields[links_field];
  entry.modified = fields[modified_field] * nanoseconds_per_second;
  entry.represents = make_device(fields[special_major_field], fields[special_minor_field]);
  entry.size = fields[size_field];
  name_size = fields[name_size_field];
  const std::optional<FileType> type = file_type(fields[mode_field]);
  if (!type && fields[mode_field] != 0) return bad("an unknown kind of file");
  entry.type = type.value_or(FileType::regular);  // the trailer has none
  return {};
}

Result<void> Archive::unpack_entry(bool& ended) {
  if (bytes_.size() - offset_ < header_size) return bad("cut off in a header");
  ArchiveEntry entry;
  std::uint64_t name_size;
  TRY(parse_header(entry, name_size));
  const std::uint64_t name_start = offset_ + header_size;
  if (name_size == 0 || name_size > path_max) return bad("a name of impossible length");
  if (name_size > bytes_.size() - name_start) return bad("cut off in a name");
  entry.name = bytes_.substr(name_start, name_size);
  entry.name = entry.name.substr(0, entry.name.find('\0'));
  const std::uint64_t data_start = align(name_start + name_size);
  if (data_start > bytes_.size() || entry.size > bytes_.size() - data_start) return bad("cut off in a file");
  ended = entry.name == trailer;
  if (!ended) {
    entry.data = bytes_.substr(data_start, entry.size);
    TRY(unpacker_.add(entry));
  }
  offset_ = std::min<std::uint64_t>(align(data_start + entry.size), bytes_.size());
  return {};
}

// Archives one after the other; between them, and behind the last, are zeros only.
Result<void> Archive::unpack() {
  do {
    bool ended = false;
    while (!ended) TRY(unpack_entry(ended));
    unpacker_.end_of_archive();
    while (offset_ < bytes_.size() && bytes_[offset_] == '\0') ++offset_;
  } while (offset_ < bytes_.size());
  return {};
}

}  // namespace

Result<void> unpack_initramfs(Dentry& root, arch::PhysicalAddress start, std::uint64_t size, GuestMemory& owner) {
  InitramfsUnpacker unpacker(Ref<Inode>(root.inode()), start, size, owner);
  const std::string_view bytes(static_cast<const char*>(arch::direct(start)), size);
  const Result<void> outcome = Archive(bytes, unpacker).unpack();
  if (!outcome && outcome.error() != Error::inval)
    log(LogLevel::error, "initramfs: no room for all of it");
  root.inode()->entries_changed();
  return outcome;
}

}  // namespace cv6
