#include "fs/paged_inode.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sched/pace.hpp"

namespace cv6 {

namespace {

char* bytes_of(const FrameRef& page) { return static_cast<char*>(page.data()); }

// A file system in memory is full when memory is.
Error full(Error error) { return error == Error::nomem ? Error::nospc : error; }

}  // namespace

FileStatus PagedInode::status() {
  FileStatus status = Inode::status();
  status.blocks = shown_pages().page_count() * (page_size / 512);
  return status;
}

// --- reading and writing ----------------------------------------------------------------------------------------------

Result<std::size_t> PagedInode::read(IoBuffer& to, std::uint64_t offset) {
  Inode& shown = this->shown();
  const std::uint64_t size = shown.size();
  if (offset >= size || to.empty()) return 0;
  const std::size_t before = to.moved();
  if (to.remaining() > size - offset) to.limit(size - offset);
  PageCache& cache = *shown.page_cache();
  sched::Pace pace;
  while (!to.empty()) {
    const std::size_t in_page = offset % page_size;
    const FrameRef page = cache.find(offset / page_size);
    // After the look at the page: what lies beyond the end, as the file was cut meanwhile, may be one that write_page()
    // has not filled yet.
    const std::uint64_t end = shown.size();
    if (offset >= end) break;
    const std::size_t wanted = std::min({page_size - in_page, to.remaining(), static_cast<std::size_t>(end - offset)});
    const Result<std::size_t> count = page ? to.put(bytes_of(page) + in_page, wanted) : to.put_zeros(wanted);
    if (!count && to.moved() == before) return count.error();
    if (!count || *count < wanted) break;
    offset += wanted;
    pace.step();
  }
  return to.moved() - before;
}

// One page's part of a write. A page that lies wholly beyond the end need not be zeroed first, only what the write leaves of
// it: whoever finds a page asks then where the end is, which comes to lie behind this one when it is filled.
Result<void> PagedInode::write_page(IoBuffer& from, std::uint64_t offset, std::size_t& written) {
  const std::uint64_t index = offset / page_size;
  const std::size_t in_page = offset % page_size;
  const std::size_t wanted = std::min(page_size - in_page, from.remaining());
  const bool unseen = in_page == 0 && offset >= page_ceiling(size());
  Result<FrameRef> page = cache_.writable(index, unseen ? Fill::garbage : Fill::zero);
  if (!page) return full(page.error());
  const Result<std::size_t> count = from.take(bytes_of(*page) + in_page, wanted);
  written = count ? *count : 0;
  if (unseen && written < page_size) std::memset(bytes_of(*page) + written, 0, page_size - written);
  if (written && offset + written > size()) set_size(offset + written);
  if (!count) return count.error();
  return {};
}

Result<std::size_t> PagedInode::write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit,
                                      const Credentials& who) {
  if (from.empty()) return 0;
  size_limit = std::min(size_limit, file_size_max);
  if (offset >= size_limit) return Error::fbig;
  if (from.remaining() > size_limit - offset) from.limit(size_limit - offset);
  if (!is_own()) TRY(take_over());
  drop_set_id_bits(*this, who);
  std::size_t total = 0;
  sched::Pace pace;
  while (!from.empty()) {
    const std::size_t wanted = std::min<std::size_t>(page_size - offset % page_size, from.remaining());
    std::size_t written = 0;
    const Result<void> outcome = write_page(from, offset, written);
    offset += written;
    total += written;
    if (!outcome && total == 0) return outcome.error();
    if (!outcome || written < wanted) break;
    pace.step();
  }
  touch_modified();
  return total;
}

// --- size and holes ----------------------------------------------------------------------------------------------------

Result<void> PagedInode::truncate(std::uint64_t size) {
  if (size > file_size_max) return Error::fbig;
  if (!is_own()) TRY(take_over());
  if (size < this->size()) {
    if (size % page_size) TRY(zero_within_page(size, page_ceiling(size)));
    set_size(size);
    cache_.truncate(pages_for(size));
  } else {
    set_size(size);
  }
  touch_modified();
  return {};
}

// Both ends are in one page (or `end` is where it ends).
Result<void> PagedInode::zero_within_page(std::uint64_t start, std::uint64_t end) {
  const std::uint64_t index = start / page_size;
  if (start == end || !cache_.find(index)) return {};
  Result<FrameRef> page = cache_.writable(index);
  if (!page) return full(page.error());
  std::memset(bytes_of(*page) + start % page_size, 0, end - start);
  return {};
}

Result<void> PagedInode::zero(std::uint64_t start, std::uint64_t end) {
  const std::uint64_t first_whole = page_ceiling(start);
  const std::uint64_t last_whole_end = page_floor(end);
  if (first_whole > last_whole_end) return zero_within_page(start, end);
  TRY(zero_within_page(start, first_whole));
  TRY(zero_within_page(last_whole_end, end));
  if (first_whole == last_whole_end) return {};
  const Result<void> punched = cache_.punch(first_whole / page_size, last_whole_end / page_size - 1);
  return punched ? punched : Result<void>(full(punched.error()));
}

// Asks whether there is enough first: a request for more than there is must not take the last page before it fails.
Result<void> PagedInode::fill_holes(std::uint64_t first, std::uint64_t end) {
  std::uint64_t holes = end - first;
  std::uint64_t page;
  sched::Pace pace;
  for (std::uint64_t at = first; cache_.next_page(at, page) && page < end; at = page + 1, pace.step()) --holes;
  TRY(cache_.check_room(holes));
  for (std::uint64_t at = first; at < end; ++at) {
    if (!cache_.find(at)) {
      const Result<FrameRef> filled = cache_.writable(at);
      if (!filled) return full(filled.error());
    }
    pace.step();
  }
  return {};
}

Result<void> PagedInode::allocate(Allocate how, std::uint64_t offset, std::uint64_t length) {
  if (!is_own()) TRY(take_over());
  const std::uint64_t end = offset + length;
  if (how == Allocate::punch_hole) {
    TRY(zero(offset, end));
  } else {
    const bool zeroes = how == Allocate::zero_range || how == Allocate::zero_range_keep_size;
    TRY(fill_holes(offset / page_size, pages_for(end)));
    if (zeroes) {
      TRY(zero(offset, end));
      TRY(fill_holes(offset / page_size, pages_for(end)));
    }
    if ((how == Allocate::extend || how == Allocate::zero_range) && end > size()) set_size(end);
  }
  touch_modified();
  return {};
}

Result<std::uint64_t> PagedInode::seek_extent(Extent kind, std::uint64_t from) {
  const std::uint64_t size = this->size();
  if (from >= size) return Error::nxio;
  PageCache& cache = shown_pages();
  std::uint64_t page = from / page_size;
  std::uint64_t found;
  if (kind == Extent::data) {
    if (!cache.next_page(page, found) || found * page_size >= size) return Error::nxio;
    return std::max(from, found * page_size);
  }
  for (sched::Pace pace; cache.next_page(page, found) && found == page && page * page_size < size; pace.step()) ++page;
  return std::min(std::max(from, page * page_size), size);
}

// --- mappings ----------------------------------------------------------------------------------------------------------

Result<FrameRef> PagedInode::page_for_mapping(std::uint64_t index, Intent intent) {
  if (intent == Intent::write && !is_own()) TRY(take_over());
  Inode& shown = this->shown();
  PageCache& cache = *shown.page_cache();
  if (intent == Intent::read) {
    FrameRef page = cache.find(index);
    if (index >= pages_for(shown.size())) return Error::fault;  // after the look at the page: see write_page
    return page ? page : frames::zero_page();                   // until somebody fills the hole
  }
  if (index >= pages_for(size())) return Error::fault;
  FrameRef page = TRY(cache.writable(index));
  if (index < pages_for(size())) return page;
  // Truncated meanwhile, perhaps before the page was there: then nobody else takes it away. But somebody may be writing to
  // it, about to move the end behind it.
  MutexGuard guard(mutex());
  if (index < pages_for(size())) return cache.writable(index);
  (void)cache.punch(index, index);
  return Error::fault;
}

void PagedInode::pages_present(std::uint64_t first, unsigned count, Frame** pages) {
  Inode& shown = this->shown();
  shown.page_cache()->find(first, count, pages);
  const std::uint64_t end = pages_for(shown.size());  // after the look at the pages: see write_page
  for (unsigned i = first >= end ? 0 : static_cast<unsigned>(std::min<std::uint64_t>(count, end - first)); i < count; ++i)
    FrameRef::adopt(std::exchange(pages[i], nullptr));
}

void PagedInode::modified_by_mapping() {
  if (is_own()) touch_modified();
}

// --- the open file -----------------------------------------------------------------------------------------------------

namespace {

class PagedFile final : public File, public Charged<PagedFile, "paged_file", charged_beside_file> {
 public:
  explicit PagedFile(Ref<Inode> inode) : File(std::move(inode), Positions::seekable) {}
  Result<Ref<MemoryObject>> memory_object() override { return Ref<MemoryObject>(&inode()); }
  Result<std::size_t> readable_bytes() override {
    const std::uint64_t size = inode().size();
    return size > position() ? size - position() : 0;
  }

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override {
    const std::size_t count = TRY(paged().read(to, offset));
    note_access();
    return count;
  }
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override {
    MutexGuard guard(inode().mutex());
    return paged().write(from, offset, size_limit, credentials());
  }
  Result<std::size_t> do_append(IoBuffer& from, std::uint64_t size_limit, std::uint64_t& end) override {
    MutexGuard guard(inode().mutex());
    const std::uint64_t start = inode().size();
    const std::size_t count = TRY(paged().write(from, start, size_limit, credentials()));
    end = start + count;
    return count;
  }

 private:
  PagedInode& paged() const { return static_cast<PagedInode&>(inode()); }
};

}  // namespace

Result<Ref<File>> PagedInode::open(const Path&, OpenFlags) {
  return Ref<File>(TRY(make<PagedFile>(Ref<Inode>(this))));
}

}  // namespace cv6
