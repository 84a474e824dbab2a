// A regular file whose contents are pages of a PageCache: what tmpfs and copy-on-write views are made of.
//
// While it is not its own (Inode::is_own), contents and size are those of the inode that it shows; every change begins
// with take_over(). Holes are read as zeros and get pages when they are written to or mapped.
// Pages beyond the end of the file are all zeros (fallocate(2) may put some there), as is the last page's rest.
#pragma once

#include "fs/file.hpp"
#include "fs/inode.hpp"
#include "vm/page_cache.hpp"

namespace cv6 {

class PagedInode : public Inode {
 public:
  PagedInode(Ref<FileSystem> file_system, const Identity& identity, Ref<GuestMemory> owner, std::uint64_t number = 0,
             Ref<DiskAccount> account = {})
      : Inode(std::move(file_system), identity, number), cache_(std::move(owner), std::move(account)) {}

  // Takes no lock that a writer holds: what is being written meanwhile may be seen in parts.
  Result<std::size_t> read(IoBuffer& to, std::uint64_t offset);
  // mutex() is held. Error::fbig at `size_limit`, Error::nospc, Error::dquot, Error::fault.
  Result<std::size_t> write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit, const Credentials& who);

  // Sharing what is in `source` from `from` on, `length` bytes at most, with this file from `to` on: afterwards both have the
  // same pages, copy on write. Returns how many bytes that was: what pages can do of it, which may be nothing if the offsets
  // differ within a page for instance, or a part when memory ends. Error::inval: ranges of one file that overlap, or
  // Share::all and pages cannot. Error::nospc, Error::dquot, Error::fbig (`size_limit`). No mutex is held.
  enum class Share : std::uint8_t { what_pages_can, all };
  Result<std::uint64_t> share_range(Inode& source, std::uint64_t from, std::uint64_t to, std::uint64_t length, Share what,
                                    std::uint64_t size_limit, const Credentials& who);

  PageCache* page_cache() override { return &cache_; }
  FileStatus status() override;
  Result<Ref<File>> open(const Path& path, OpenFlags flags) override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> allocate(Allocate how, std::uint64_t offset, std::uint64_t length) override;
  Result<std::uint64_t> seek_extent(Extent kind, std::uint64_t from) override;

  Result<FrameRef> page_for_mapping(std::uint64_t index, Intent intent) override;
  void pages_present(std::uint64_t first, unsigned count, Frame** pages) override;
  PageCache* cache_for_mapping() override { return &shown_pages(); }
  void modified_by_mapping() override;

 protected:
  PageCache& shown_pages() { return *shown().page_cache(); }
  PageCache cache_;

 private:
  Result<void> share_pages(PageCache& source, std::uint64_t from, std::uint64_t to, std::uint64_t pages,
                           std::uint64_t& done);
  Result<void> write_page(IoBuffer& from, std::uint64_t offset, std::size_t& written);
  Result<void> zero(std::uint64_t start, std::uint64_t end);
  Result<void> zero_within_page(std::uint64_t start, std::uint64_t end);
  Result<void> fill_holes(std::uint64_t first, std::uint64_t end);
};

}  // namespace cv6
