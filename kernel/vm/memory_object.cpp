#include "vm/memory_object.hpp"

#include "vm/page_cache.hpp"

namespace cv6 {

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
    mappings_.push_back(mapping);
  }
  attach();
}

void MemoryObject::remove_mapping(Mapping& mapping) {
  bool last;
  {
    SpinGuard guard(mappings_lock_);
    Mappings::remove(mapping);
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
  std::uint64_t taken = 0;
  SpinGuard guard(mappings_lock_);
  for (Mapping& mapping : mappings_) taken += mapping.unmap(first, last, pages, most - taken);
  return taken;
}

std::uint64_t MemoryObject::mapped_end() {
  std::uint64_t end = 0;
  SpinGuard guard(mappings_lock_);
  for (const Mapping& mapping : mappings_) end = std::max(end, mapping.last_index() + 1);
  return end;
}

std::uint64_t MemoryObject::write_protect(std::uint64_t first, std::uint64_t last, std::uint64_t most) {
  std::uint64_t changed = 0;
  SpinGuard guard(mappings_lock_);
  for (Mapping& mapping : mappings_) changed += mapping.write_protect(first, last, most - changed);
  return changed;
}

}  // namespace cv6
