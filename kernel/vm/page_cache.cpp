#include "vm/page_cache.hpp"

#include <algorithm>
#include <cstring>

#include "mm/payer.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

PageCache::PageCache(Ref<GuestMemory> owner, Ref<DiskAccount> account)
    : owner_(std::move(owner)), account_(std::move(account)), charged_(account_) {}

// Mappings hold their object, and objects outlive no cache of theirs: nothing can be attached.
PageCache::~PageCache() { CV6_DEBUG_ASSERT(objects_.empty()); }

FrameRef PageCache::find(std::uint64_t index) {
  SpinGuard guard(lock_);
  Frame* page = index_.find(index);
  if (page) page->hold();
  return FrameRef::adopt(page);
}

void PageCache::find(std::uint64_t first, unsigned count, Frame** pages) {
  SpinGuard guard(lock_);
  index_.visit_run(first, count, [&](Frame* page) {
    if (page) page->hold();
    *pages++ = page;
  });
}

Result<FrameRef> PageCache::writable(std::uint64_t index, Fill fill) {
  FrameRef old;  // goes after the lock
  const payer::Scope paid_by_owner(owner_->as_payer());
  SpinGuard guard(lock_);
  const Frame* shared = index_.find(index);
  if (shared) {
    Frame* page = *TRY(index_.own(index));
    if (!PageIndex::is_shared(*page)) {
      page->hold();
      return FrameRef::adopt(page);
    }
  }
  bool charged;
  TRY(charged_.add(index, charged));
  Result<FrameRef> page = put_own_page(index, shared, fill, old);
  if (!page && charged) charged_.remove(index, index);
  return page;
}

// In the place of `shared`, with the same bytes, or of a hole (null).
Result<FrameRef> PageCache::put_own_page(std::uint64_t index, const Frame* shared, Fill fill, FrameRef& old) {
  FrameRef page = TRY(owner_->take(FrameUse::file_page, shared ? Fill::garbage : fill));
  Frame** place = TRY(index_.own(index));
  if (shared) std::memcpy(page.data(), shared->data(), page_size);
  old = index_.put(place, page);
  // Also where a hole was: a page of zeros may be mapped.
  unmap(index, index, Mapping::Pages::of_object);
  return page;
}

Result<void> PageCache::insert(std::uint64_t index, FrameRef page) {
  const payer::Scope paid_by_owner(owner_->as_payer());
  SpinGuard guard(lock_);
  Frame** place = TRY(index_.own(index));
  if (*place) return Error::exist;
  (void)index_.put(place, std::move(page));
  unmap(index, index, Mapping::Pages::of_object);
  return {};
}

void PageCache::truncate(std::uint64_t index) {
  PageIndex gone;  // a whole file is dropped after the lock
  ChargedPages charges_gone(account_);
  // Else piece by piece. What cannot go so, for want of memory to copy what is shared, goes at once.
  if (index != 0) (void)punch(index, PageIndex::last_index);
  unmap_in_parts(index, Mapping::Pages::all);
  const payer::Scope paid_by_owner(owner_->as_payer());
  SpinGuard guard(lock_);
  if (index == 0) {
    gone = std::exchange(index_, PageIndex());
    charged_.swap(charges_gone);
  } else {
    index_.truncate(index);
    charged_.remove(index, UINT64_MAX);
  }
  unmap(index, UINT64_MAX, Mapping::Pages::all);
}

Result<void> PageCache::punch(std::uint64_t first, std::uint64_t last) {
  for (; next_page(first, first) && first <= last; ++first) {
    const std::uint64_t start = first;
    first = std::min(last, start | (drop_batch - 1));
    {
      const payer::Scope paid_by_owner(owner_->as_payer());
      SpinGuard guard(lock_);
      const Result<void> erased = index_.erase(start, first);
      if (erased) charged_.remove(start, first);
      unmap(start, first, Mapping::Pages::of_object);
      TRY(erased);
    }
    sched::maybe_yield();
  }
  return {};
}

// Two caches' locks have no order, so one after the other.
Result<void> PageCache::share_from(PageCache& other) {
  PageIndex index;  // what was here before goes after the lock
  ChargedPages charged(account_);
  other.write_protect_in_parts();
  {
    SpinGuard guard(other.lock_);
    index.share_from(other.index_);
    other.write_protect(0, UINT64_MAX);
  }
  unmap_in_parts(0, Mapping::Pages::of_object);
  SpinGuard guard(lock_);
  std::swap(index_, index);
  charged_.swap(charged);
  unmap(0, UINT64_MAX, Mapping::Pages::of_object);
  return {};
}

// The pages first .. first + count - 1, as 0 .. count - 1 of `to`: while that has them they count as shared.
Result<void> PageCache::lend(PageIndex& to, std::uint64_t first, unsigned count) {
  SpinGuard guard(lock_);
  for (unsigned i = 0; i < count; ++i) {
    Frame* page = index_.find(first + i);
    if (!page) continue;
    Frame** place = TRY(to.own(i));
    page->hold();
    (void)to.put(place, FrameRef::adopt(page));
  }
  write_protect(first, first + count - 1);
  return {};
}

Result<void> PageCache::put_shared_page(std::uint64_t index, Frame& page, FrameRef& old) {
  bool charged;
  TRY(charged_.add(index, charged));
  const Result<Frame**> place = index_.own(index);
  if (!place) {
    if (charged) charged_.remove(index, index);
    return place.error();
  }
  page.hold();
  old = index_.put(*place, FrameRef::adopt(&page));
  return {};
}

Result<void> PageCache::take_shared(const PageIndex& from, std::uint64_t first, unsigned count, FrameRef* replaced,
                                    std::uint64_t& done) {
  for (unsigned i = 0; i < count; ++i, ++done) {
    if (Frame* page = from.find(i)) {
      TRY(put_shared_page(first + i, *page, replaced[i]));
    } else if (index_.find(first + i)) {
      TRY(index_.erase(first + i, first + i));
      charged_.remove(first + i, first + i);
    }
  }
  return {};
}

// The two locks have no order: the pages wait in an index of their own in between.
Result<void> PageCache::share_range(PageCache& other, std::uint64_t from, std::uint64_t to, std::uint64_t count,
                                    std::uint64_t& done) {
  for (done = 0; done < count;) {
    const auto part = static_cast<unsigned>(std::min<std::uint64_t>(count - done, share_batch));
    const std::uint64_t first = to + done;
    PageIndex shared;
    FrameRef replaced[share_batch];  // these go after the lock
    TRY(other.lend(shared, from + done, part));
    const payer::Scope paid_by_owner(owner_->as_payer());
    SpinGuard guard(lock_);
    const Result<void> taken = take_shared(shared, first, part, replaced, done);
    unmap(first, first + part - 1, Mapping::Pages::of_object);
    if (!taken) return taken;
  }
  return {};
}

Result<void> PageCache::check_room(std::uint64_t pages) {
  if (pages > frames::counts().free || !owner_->charge(pages)) return Error::nospc;
  owner_->uncharge(pages);
  if (!account_) return {};
  if (!account_->charge(pages)) return Error::dquot;
  account_->uncharge(pages);
  return {};
}

bool PageCache::next_page(std::uint64_t from, std::uint64_t& index) {
  SpinGuard guard(lock_);
  return index_.next_page(from, index);
}

std::uint64_t PageCache::page_count() const {
  SpinGuard guard(lock_);
  return index_.count();
}

void PageCache::attach(MemoryObject& object) {
  SpinGuard guard(lock_);
  if (object.attached_.load(std::memory_order_relaxed)) return;  // another processor was faster
  objects_.push_back(object);
  object.attached_.store(this, std::memory_order_release);
}

void PageCache::detach(MemoryObject& object, Detach when) {
  SpinGuard guard(lock_);
  if (object.attached_.load(std::memory_order_relaxed) != this) return;
  if (when == Detach::if_unmapped) {
    SpinGuard mappings(object.mappings_lock_);
    if (!object.mappings_.empty()) return;
    List<MemoryObject, &MemoryObject::cache_node>::remove(object);
    object.attached_.store(nullptr, std::memory_order_release);
    return;
  }
  List<MemoryObject, &MemoryObject::cache_node>::remove(object);
  object.attached_.store(nullptr, std::memory_order_release);
}

std::uint64_t PageCache::unmap(std::uint64_t first, std::uint64_t last, Mapping::Pages pages, std::uint64_t most) {
  std::uint64_t taken = 0;
  for (MemoryObject& object : objects_) taken += object.unmap(first, last, pages, most - taken);
  return taken;
}

std::uint64_t PageCache::write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most) {
  std::uint64_t changed = 0;
  for (MemoryObject& object : objects_) changed += object.write_protect(first, last, most - changed);
  return changed;
}

std::uint64_t PageCache::mapped_end() {
  std::uint64_t end = 0;
  SpinGuard guard(lock_);
  for (MemoryObject& object : objects_) end = std::max(end, object.mapped_end());
  return end;
}

void PageCache::unmap_in_parts(std::uint64_t first, Mapping::Pages pages) {
  MemoryObject::change_in_parts(first, mapped_end(), [&](std::uint64_t from, std::uint64_t last, std::uint64_t most) {
    SpinGuard guard(lock_);
    return unmap(from, last, pages, most);
  });
}

void PageCache::write_protect_in_parts() {
  MemoryObject::change_in_parts(0, mapped_end(), [&](std::uint64_t from, std::uint64_t last, std::uint64_t most) {
    SpinGuard guard(lock_);
    return write_protect(from, last, most);
  });
}

}  // namespace cv6
