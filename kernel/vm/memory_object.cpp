#include "vm/memory_object.hpp"

#include "vm/page_cache.hpp"

namespace cv6 {

void MemoryObject::LastIndex::update(Mapping& mapping, const Mapping* left, const Mapping* right) {
  std::uint64_t last = mapping.last_index();
  if (left) last = std::max(last, left->subtree_last);
  if (right) last = std::max(last, right->subtree_last);
  mapping.subtree_last = last;
}

namespace {

using Mappings = MemoryObject::Mappings;

// Calls change(mapping, left), which says how many entries it has changed, for those from `at` down that have pages of
// first .. last, in order, until none of `left` is left.
template <class Change>
void change_overlapping(Mapping* at, std::uint64_t first, std::uint64_t last, std::uint64_t& left, Change change) {
  if (!at || at->subtree_last < first) return;
  change_overlapping(Mappings::child(*at, Mappings::Side::left), first, last, left, change);
  if (left == 0 || at->first_index() > last) return;
  if (at->last_index() >= first) left -= change(*at, left);
  if (left != 0) change_overlapping(Mappings::child(*at, Mappings::Side::right), first, last, left, change);
}

}  // namespace

// Only the numbers matter, not the order of anything else: of several that ask first, one gives it.
std::uint64_t MemoryObject::serial_number() {
  constinit static std::atomic<std::uint64_t> last{0};
  std::uint64_t number = serial_number_.load(std::memory_order_relaxed);
  if (number) return number;
  const std::uint64_t fresh = last.fetch_add(1, std::memory_order_relaxed) + 1;
  return serial_number_.compare_exchange_strong(number, fresh, std::memory_order_relaxed) ? fresh : number;
}

void MemoryObject::add_mapping(Mapping& mapping) {
  {
    SpinGuard guard(mappings_lock_);
    mappings_.insert(mapping);
  }
  attach();
}

void MemoryObject::remove_mapping(Mapping& mapping) {
  bool last;
  {
    SpinGuard guard(mappings_lock_);
    mappings_.remove(mapping);
    last = mappings_.empty();
  }
  // Without mappings the cache must forget the object, which may go before it.
  if (last)
    if (PageCache* cache = attached_.load(std::memory_order_acquire))
      cache->detach(*this, PageCache::Detach::if_unmapped);
}

// Into the list of the cache that the pages come from. The file system may change its mind meanwhile: then its
// cache_changed() found nothing to move, and the new cache is asked for again here.
void MemoryObject::attach() {
  while (PageCache* cache = cache_for_mapping()) {
    if (attached_.load(std::memory_order_acquire) != cache) cache->attach(*this);
    if (cache_for_mapping() == cache) return;
    cache->detach(*this, PageCache::Detach::always);
  }
}

void MemoryObject::cache_changed() {
  PageCache* before = attached_.load(std::memory_order_acquire);
  if (!before) return;
  // First in both would be best, but each list has its own lock. In neither for a moment is harmless: the pages are the
  // same in both caches, and what is changed meanwhile is dropped from the page tables here.
  before->detach(*this, PageCache::Detach::always);
  attach();
  change_in_parts(0, mapped_end(), [&](std::uint64_t first, std::uint64_t last, std::uint64_t most) {
    return unmap(first, last, Mapping::Pages::of_object, most);
  });
  unmap(0, UINT64_MAX, Mapping::Pages::of_object);  // also what is about to be mapped
}

std::uint64_t MemoryObject::unmap(std::uint64_t first, std::uint64_t last, Mapping::Pages pages, std::uint64_t most) {
  std::uint64_t left = most;
  SpinGuard guard(mappings_lock_);
  change_overlapping(mappings_.root(), first, last, left,
                     [=](Mapping& mapping, std::uint64_t count) { return mapping.unmap(first, last, pages, count); });
  return most - left;
}

std::uint64_t MemoryObject::mapped_end() {
  SpinGuard guard(mappings_lock_);
  const Mapping* root = mappings_.root();
  return root ? root->subtree_last + 1 : 0;
}

std::uint64_t MemoryObject::write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most) {
  std::uint64_t left = most;
  SpinGuard guard(mappings_lock_);
  change_overlapping(mappings_.root(), first, last, left,
                     [=](Mapping& mapping, std::uint64_t count) { return mapping.write_protect(first, last, count); });
  return most - left;
}

}  // namespace cv6
