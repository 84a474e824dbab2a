// Copies that share pages: FICLONE, copy_file_range(2).
#include <algorithm>

#include "fs/cow/view.hpp"
#include "fs/paged_inode.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

namespace {

// A file system in memory is full when memory is.
Error full(Error error) { return error == Error::nomem ? Error::nospc : error; }

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

// Positions and counts are pages.
Result<void> PagedInode::share_pages(PageCache& source, std::uint64_t from, std::uint64_t to, std::uint64_t pages,
                                     std::uint64_t& done) {
  done = 0;
  if (from == 0 && to == 0 && &source != &cache_ && !cache_.has_account() && cache_.page_count() == 0) {
    std::uint64_t behind;
    if (!source.next_page(pages, behind)) {  // that is all it has: at once
      TRY(cache_.share_from(source));
      done = pages;
      return {};
    }
  }
  while (done < pages) {
    std::uint64_t now = 0;
    const Result<void> shared =
        cache_.share_range(source, from + done, to + done, std::min(pages - done, pages_between_yields), now);
    done += now;
    if (!shared) return shared;
    sched::maybe_yield();
  }
  return {};
}

Result<std::uint64_t> PagedInode::share_range(Inode& source, std::uint64_t from, std::uint64_t to, std::uint64_t length,
                                              Share what, std::uint64_t size_limit, const Credentials& who) {
  if (!source.page_cache()) return 0;
  if (!is_own()) TRY(take_over());  // before the locks: what is below may be the source
  while (true) {
    Inode& shown = source.shown();
    LockedFiles locked(shown, *this);
    if (&source.shown() != &shown) continue;
    const std::uint64_t possible = shareable(from, to, length, shown.size(), size());
    if (what == Share::all && possible < length) return Error::inval;
    if (possible == 0) return 0;
    if (to + possible > std::min(size_limit, file_size_max)) return what == Share::all ? Result<std::uint64_t>(Error::fbig) : 0;
    if (&shown == this && from < to + possible && to < from + possible)
      return from == to ? Result<std::uint64_t>(possible) : Error::inval;
    std::uint64_t pages = 0;
    const Result<void> shared = share_pages(*shown.page_cache(), from / page_size, to / page_size, pages_for(possible), pages);
    if (pages == 0) return full(shared.error());
    drop_set_id_bits(*this, who);
    const std::uint64_t bytes = std::min(possible, pages * page_size);
    if (to + bytes > size()) set_size(to + bytes);
    touch_modified();
    if (!shared && what == Share::all) return full(shared.error());
    return bytes;
  }
}

}  // namespace cv6
