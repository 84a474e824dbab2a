// Writes a cpio archive in the "newc" format, as Linux's Documentation/driver-api/early-userspace/buffer-format.rst
// and cpio(5) describe it. The kernel makes its root file system from such archives.
//
// What is particular about ours:
//  - The data of every regular file begin at a multiple of 4096 bytes, so that the kernel can use the pages of the
//    archive as the pages of the file and copies nothing. The gap is filled with NULs after the name, counted in the
//    header's name size; readers take the name as a C string. Where the name would become longer than Linux's
//    PATH_MAX, a repeated entry for the root folder fills the rest.
//  - The archive is a multiple of 4096 bytes, so that another one can follow it directly.
//  - Hard links: the first entry carries the data, the later ones have none. (GNU cpio writes them the other way
//    round; it, Linux and libarchive read both.)
//  - Everything belongs to root. Nothing but what the caller gives goes in: equal input makes equal archives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "common/files.hpp"

namespace cv6::host {

// What an entry has besides its name and its data.
struct Attributes {
  std::uint32_t permissions = 0644;  // the lower 12 bits of st_mode
  std::uint32_t modified = 0;        // seconds since 1970
};

using InodeNumber = std::uint32_t;

// A file with several names: its number, from ArchiveWriter::new_inode(), and how many names there are. Readers rely
// on the count to know when they may forget the file.
struct SharedInode {
  InodeNumber number = 0;
  std::uint32_t names = 1;
};

class ArchiveWriter {
 public:
  static constexpr std::uint32_t page = 4096;

  // Writes to `output`, the file `name`, from its present position, which must be a multiple of `page`. `device` tells
  // the inode numbers of concatenated archives apart.
  ArchiveWriter(int output, std::string name, std::uint32_t device)
      : output_(output), name_(std::move(name)), device_(device) {}

  // The name that an archive has for a guest path: "" for the root itself.
  static std::string clean(std::string_view path);

  // Folders that exist already, and so need not be made as parents of what is added.
  void assume_folder(std::string_view path) { folders_.insert(clean(path)); }

  // Paths are absolute guest paths. Missing parents are added (mode 755). Errors: EINVAL-like for names that are too
  // long, what the system says for reading and writing.
  Outcome<> folder(std::string_view path, Attributes attributes);
  Outcome<> symbolic_link(std::string_view path, std::string_view target, Attributes attributes);
  Outcome<> device_node(std::string_view path, std::uint32_t mode, std::uint64_t number, Attributes attributes);
  // A file with several names gets `inode`: file() with it gives the data and the first name, hard_link() the others.
  Outcome<> file(std::string_view path, const std::filesystem::path& source, Attributes attributes,
                 SharedInode inode = {});
  Outcome<> hard_link(std::string_view path, SharedInode inode, Attributes attributes);
  InodeNumber new_inode() { return ++last_inode_; }

  // Ends the archive. Nothing may be added afterwards.
  Outcome<> finish();

 private:
  struct Header {
    InodeNumber inode = 0;
    std::uint32_t mode = 0;
    std::uint32_t links = 1;
    std::uint32_t modified = 0;
    std::uint32_t size = 0;
    std::uint64_t special_device = 0;
  };
  enum class Alignment { word, page };

  Outcome<> parents(const std::string& path, Attributes attributes);
  Outcome<> entry(std::string_view name, const Header& header, Alignment data);
  Outcome<> put_header(std::string_view name, const Header& header, std::uint32_t name_size);
  Outcome<> put(std::string_view bytes);
  Outcome<> pad(std::uint32_t alignment);
  Outcome<> flush();

  int output_;
  std::string name_;
  std::uint32_t device_;
  InodeNumber last_inode_ = 0;
  std::uint64_t offset_ = 0;  // of what comes next, from the beginning of this archive
  std::string buffer_;        // not yet written
  std::set<std::string> folders_;
};

}  // namespace cv6::host
