// Copies that share pages: FICLONE, copy_file_range(2).
#include <algorithm>

#include "fs/cow/view.hpp"
#include "fs/paged_inode.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

namespace {

constexpr std::uint64_t pages_between_yields = 4096;

// The mutexes of two files, or of one: of a view before what is below it, as take_over() needs, else by address.
class LockedFiles {
 public:
  LockedFiles(Inode& a, Inode& b) NO_THREAD_SAFETY_ANALYSIS : first_(comes_first(a, b) ? a : b), second_(&first_ == &a ? b : a) {
    first_.mutex().lock();
    if (&first_ != &second_) second_.mutex().lock();
  }
  ~LockedFiles() NO_THREAD_SAFETY_ANALYSIS {
    if (&first_ != &second_) second_.mutex().unlock();
    first_.mutex().unlock();
  }
  LockedFiles(const LockedFiles&) = delete;
  LockedFiles& operator=(const LockedFiles&) = delete;

 private:
  static bool comes_first(const Inode& a, const Inode& b) {
    const unsigned depth_a = cow::depth_of(a.file_system()), depth_b = cow::depth_of(b.file_system());
    return depth_a != depth_b ? depth_a > depth_b : &a < &b;
  }
  Inode& first_;
  Inode& second_;
};

// How much of a range whole pages make up: all of it, if it ends where the source does and the target not behind that.
std::uint64_t shareable(std::uint64_t from, std::uint64_t to, std::uint64_t length, std::uint64_t source_size,
                        std::uint64_t target_size) {
  if (from >= source_size || from % page_size != 0 || to % page_size != 0) return 0;
  length = std::min(length, source_size - from);
  const bool to_the_end = from + length == source_size && to + length >= target_size;
  return to_the_end ? length : page_floor(length);
}

}  // namespace

Result<void> PagedInode::share_pages(PageCache& source, std::uint64_t from, std::uint64_t to, std::uint64_t length) {
  std::uint64_t first = from / page_size, place = to / page_size, pages = pages_for(length);
  if (first == 0 && place == 0 && cache_.page_count() == 0 && &source != &cache_) {
    std::uint64_t behind;
    if (!source.next_page(pages, behind)) return cache_.share_from(source);  // at once: that is all it has
  }
  while (pages > 0) {
    const std::uint64_t part = std::min(pages, pages_between_yields);
    TRY(cache_.share_range(source, first, place, part));
    first += part;
    place += part;
    pages -= part;
    sched::maybe_yield();
  }
  return {};
}

Result<std::uint64_t> PagedInode::share_range(Inode& source, std::uint64_t from, std::uint64_t to, std::uint64_t length,
                                              std::uint64_t size_limit, const Credentials& who) {
  if (!source.page_cache()) return 0;
  if (!is_own()) TRY(take_over());  // before the locks: what is below may be the source
  while (true) {
    Inode& shown = source.shown();
    LockedFiles locked(shown, *this);
    if (&source.shown() != &shown) continue;
    length = shareable(from, to, length, shown.size(), size());
    if (length == 0 || to + length > std::min(size_limit, file_size_max)) return 0;
    if (&shown == this && from < to + length && to < from + length) return from == to ? Result<std::uint64_t>(length) : Error::inval;
    const Result<void> shared = share_pages(*shown.page_cache(), from, to, length);
    if (!shared) return shared.error() == Error::nomem ? Error::nospc : shared.error();
    drop_set_id_bits(*this, who);
    if (to + length > size()) set_size(to + length);
    touch_modified();
    return length;
  }
}

}  // namespace cv6
