#include "image/archive_writer.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <format>

namespace cv6::host {
namespace {

constexpr std::uint32_t header_size = 110;
constexpr std::uint32_t longest_name = 4096;  // Linux's PATH_MAX, with the NUL
constexpr std::size_t buffer_limit = 1 << 18;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint32_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

std::string ArchiveWriter::clean(std::string_view path) {
  std::string result = (std::filesystem::path("/") / path).lexically_normal().relative_path().string();
  while (result.ends_with('/')) result.pop_back();
  return result;
}

Outcome<> ArchiveWriter::folder(std::string_view path, Attributes attributes) {
  const std::string name = clean(path);
  CV6_CHECK(parents(name, attributes));
  folders_.insert(name);
  const Header header{
      .inode = new_inode(), .mode = S_IFDIR | attributes.permissions, .links = 2, .modified = attributes.modified};
  return entry(name.empty() ? "." : name, header, Alignment::word);
}

Outcome<> ArchiveWriter::symbolic_link(std::string_view path, std::string_view target, Attributes attributes) {
  const std::string name = clean(path);
  CV6_CHECK(parents(name, attributes));
  const Header header{.inode = new_inode(),
                      .mode = S_IFLNK | 0777,
                      .modified = attributes.modified,
                      .size = static_cast<std::uint32_t>(target.size())};
  CV6_CHECK(entry(name, header, Alignment::word));
  CV6_CHECK(put(target));
  return pad(4);
}

Outcome<> ArchiveWriter::device_node(std::string_view path, std::uint32_t mode, std::uint64_t number,
                                     Attributes attributes) {
  const std::string name = clean(path);
  CV6_CHECK(parents(name, attributes));
  const Header header{.inode = new_inode(),
                      .mode = (mode & S_IFMT) | attributes.permissions,
                      .modified = attributes.modified,
                      .special_device = number};
  return entry(name, header, Alignment::word);
}

Outcome<> ArchiveWriter::file(std::string_view path, const std::filesystem::path& source, Attributes attributes,
                              SharedInode inode) {
  const Descriptor input = CV6_TRY(open_to_read(source));
  struct stat status{};
  if (::fstat(input.number(), &status) != 0) return system_failure(source);
  if (status.st_size > 0xffff'ffff)
    return failure("{}: larger than 4 GiB, which a cpio archive cannot hold", source.string());
  const std::string name = clean(path);
  CV6_CHECK(parents(name, attributes));
  const Header header{.inode = inode.number ? inode.number : new_inode(),
                      .mode = S_IFREG | attributes.permissions,
                      .links = inode.names,
                      .modified = attributes.modified,
                      .size = static_cast<std::uint32_t>(status.st_size)};
  CV6_CHECK(entry(name, header, header.size ? Alignment::page : Alignment::word));
  std::array<std::byte, 65536> block;
  for (std::uint64_t left = header.size; left > 0;) {
    const auto part = std::span(block).first(std::min<std::uint64_t>(left, block.size()));
    const ssize_t got = read_full(input.number(), part);
    if (got < 0) return system_failure(source);
    if (static_cast<std::size_t>(got) < part.size())
      return failure("{}: became shorter while it was read", source.string());
    CV6_CHECK(put({reinterpret_cast<const char*>(part.data()), part.size()}));
    left -= part.size();
  }
  return pad(4);
}

Outcome<> ArchiveWriter::hard_link(std::string_view path, SharedInode inode, Attributes attributes) {
  const std::string name = clean(path);
  CV6_CHECK(parents(name, attributes));
  const Header header{.inode = inode.number,
                      .mode = S_IFREG | attributes.permissions,
                      .links = inode.names,
                      .modified = attributes.modified};
  return entry(name, header, Alignment::word);
}

Outcome<> ArchiveWriter::finish() {
  CV6_CHECK(entry("TRAILER!!!", Header{}, Alignment::word));
  CV6_CHECK(pad(page));
  return flush();
}

// Adds the folders above `path` that nobody has added or assumed.
Outcome<> ArchiveWriter::parents(const std::string& path, Attributes attributes) {
  const std::string above = std::filesystem::path(path).parent_path().string();
  if (above.empty() || folders_.contains(above)) return {};
  return folder(above, {.permissions = 0755, .modified = attributes.modified});
}

// Writes header and name, with the data to begin as `data` says.
Outcome<> ArchiveWriter::entry(std::string_view name, const Header& header, Alignment data) {
  const auto name_size = static_cast<std::uint32_t>(name.size() + 1);
  if (name_size > longest_name) return failure("{}: the name is too long", name);
  if (data == Alignment::word) return put_header(name, header, name_size);
  const std::uint64_t earliest = offset_ + header_size + name_size;
  const auto gap = static_cast<std::uint32_t>(round_up(earliest, page) - earliest);
  if (name_size + gap <= longest_name) return put_header(name, header, name_size + gap);
  const Header root{.inode = new_inode(), .mode = S_IFDIR | 0755, .links = 2, .modified = header.modified};
  CV6_CHECK(put_header(".", root, page / 2));
  return entry(name, header, data);
}

Outcome<> ArchiveWriter::put_header(std::string_view name, const Header& header, std::uint32_t name_size) {
  CV6_CHECK(put(std::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                            header.inode, header.mode, 0, 0, header.links, header.modified, header.size, 0, device_,
                            major(header.special_device), minor(header.special_device), name_size, 0)));
  CV6_CHECK(put(name));
  CV6_CHECK(put(std::string(name_size - name.size(), '\0')));
  return pad(4);
}

Outcome<> ArchiveWriter::put(std::string_view bytes) {
  buffer_.append(bytes);
  offset_ += bytes.size();
  if (buffer_.size() < buffer_limit) return {};
  return flush();
}

Outcome<> ArchiveWriter::pad(std::uint32_t alignment) {
  return put(std::string(round_up(offset_, alignment) - offset_, '\0'));
}

Outcome<> ArchiveWriter::flush() {
  if (!write_all(output_, buffer_)) return system_failure(name_);
  buffer_.clear();
  return {};
}

}  // namespace cv6::host
