#include "mm/object_cache.hpp"

#include <cstring>

#include "mm/allocation_failures.hpp"
#include "mm/frame.hpp"
#include "mm/heap.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

// At the beginning of each slab; slots follow. Free slots are linked through their first word.
struct ObjectCache::Slab {
  Slab* next = nullptr;  // in partial_
  Slab** link = nullptr;
  ObjectCache* cache = nullptr;
  void* free = nullptr;
  std::uint32_t in_use = 0;

  void insert(Slab*& head) {
    next = head;
    link = &head;
    if (next) next->link = &next;
    head = this;
  }
  void remove() {
    *link = next;
    if (next) next->link = link;
  }
};

// Free objects of one cache at hand for one processor.
struct ObjectCache::Magazine {
  void* top = nullptr;
  std::uint32_t count = 0;
  std::uint32_t live = 0;  // taken here - given here, modulo 2^32: objects travel between processors
};

// All of one processor's magazines: one page.
struct ObjectCache::CpuMagazines {
  static constexpr std::uint32_t capacity = page_size / sizeof(Magazine);
  Magazine of[capacity];
};

namespace {

constinit SpinLock registry_lock{Rank::objects};
constinit ObjectCache* registry GUARDED_BY(registry_lock) = nullptr;
constinit std::uint32_t registered GUARDED_BY(registry_lock) = 0;
constinit PerCpu<void*> magazines;  // CpuMagazines*; null until the processor needs them

void*& link_of(void* object) { return *static_cast<void**>(object); }

#ifdef CV6_DEBUG
// What freed slots are filled with depends on the address, so that no data a program may have put there looks like it.
constexpr std::uint64_t poison_key = 0xdddd'dddd'dddd'dddd;

std::uint64_t poison_for(const std::uint64_t* word) { return reinterpret_cast<std::uintptr_t>(word) ^ poison_key; }

// The first word is the link.
bool is_poisoned(const void* object, std::size_t size) {
  const auto* words = static_cast<const std::uint64_t*>(object);
  for (std::size_t i = 1; i < size / sizeof *words; ++i)
    if (words[i] != poison_for(words + i)) return false;
  return true;
}
void poison(void* object, std::size_t size) {
  auto* words = static_cast<std::uint64_t*>(object);
  for (std::size_t i = 1; i < size / sizeof *words; ++i) words[i] = poison_for(words + i);
}
void check_and_clean(void* object, std::size_t size) {
  if (!is_poisoned(object, size)) panic("an object was written to after it was given back");
  std::memset(object, 0xcd, size);
}
#else
constexpr void poison(void*, std::size_t) {}
constexpr void check_and_clean(void*, std::size_t) {}
#endif

}  // namespace

ObjectCache::Slab* ObjectCache::slab_of(void* object) const {
  return reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(object) & ~(slab_size() - 1));
}

void ObjectCache::enlist() {
  SpinGuard guard(registry_lock);
  if (index_) return;  // another processor was faster
  CV6_ASSERT(registered + 1 < CpuMagazines::capacity);
  next_ = registry;
  registry = this;
  index_ = ++registered;
}

ObjectCache::Magazine* ObjectCache::magazine_here() {
  if (!index_) enlist();
  void*& here = magazines.here();
  if (!here) {
    const auto frame = frames::take(0, FrameUse::kernel, Fill::zero);
    if (!frame) return nullptr;
    here = new ((*frame)->data()) CpuMagazines;
  }
  return &static_cast<CpuMagazines*>(here)->of[index_];
}

void* ObjectCache::take() {
  if (allocation_failures::should_fail()) return nullptr;
  auto* here = static_cast<CpuMagazines*>(magazines.here());
  if (!here || !here->of[index_].top) [[unlikely]]
    return take_slowly();
  Magazine& magazine = here->of[index_];
  void* object = magazine.top;
  magazine.top = link_of(object);
  --magazine.count;
  ++magazine.live;
  check_and_clean(object, slot_size_);
  return object;
}

void* ObjectCache::take_slowly() {
  Magazine* magazine = magazine_here();
  if (!magazine) return nullptr;
  refill(*magazine);
  void* object = magazine->top;
  if (!object) return nullptr;
  magazine->top = link_of(object);
  --magazine->count;
  ++magazine->live;
  check_and_clean(object, slot_size_);
  return object;
}

void ObjectCache::give(void* object) {
  if (!object) return;
  CV6_DEBUG_ASSERT(slab_of(object)->cache == this);
#ifdef CV6_DEBUG
  if (is_poisoned(object, slot_size_)) panic("an object was given back twice");
#endif
  poison(object, slot_size_);
  Magazine* magazine = magazine_here();
  if (!magazine) [[unlikely]] {
    // A processor that has never taken anything, and there is no memory for magazines; the object is counted nowhere,
    // so somebody else's magazine counts it.
    SpinGuard guard(lock_);
    give_to_slab(object);
    return;
  }
  link_of(object) = magazine->top;
  magazine->top = object;
  ++magazine->count;
  --magazine->live;
  if (magazine->count >= 2 * batch()) [[unlikely]]
    drain(*magazine);
}

void ObjectCache::refill(Magazine& magazine) {
  SpinGuard guard(lock_);
  for (std::uint32_t wanted = batch(); magazine.count < wanted;) {
    Slab* slab = partial_ ? partial_ : fresh_slab();
    if (!slab) return;
    if (slab->in_use == 0) has_free_slab_ = false;
    for (; slab->free && magazine.count < wanted; ++slab->in_use, ++magazine.count) {
      void* object = slab->free;
      slab->free = link_of(object);
      link_of(object) = magazine.top;
      magazine.top = object;
    }
    if (!slab->free) slab->remove();
  }
}

void ObjectCache::drain(Magazine& magazine) {
  SpinGuard guard(lock_);
  for (std::uint32_t left = batch(); magazine.count > left; --magazine.count) {
    void* object = magazine.top;
    magazine.top = link_of(object);
    give_to_slab(object);
  }
}

ObjectCache::Slab* ObjectCache::fresh_slab() {
  const auto frame = frames::take(order_, FrameUse::kernel, Fill::garbage);
  if (!frame) return nullptr;
  char* memory = static_cast<char*>((*frame)->data());
  Slab* slab = new (memory) Slab;
  static_assert(sizeof(Slab) <= header_size);
  slab->cache = this;
  for (std::size_t at = header_size; at + slot_size_ <= slab_size(); at += slot_size_) {
    link_of(memory + at) = slab->free;
    poison(memory + at, slot_size_);
    slab->free = memory + at;
  }
  slab->insert(partial_);
  has_free_slab_ = true;
  return slab;
}

void ObjectCache::give_to_slab(void* object) {
  Slab* slab = slab_of(object);
  if (!slab->free) slab->insert(partial_);
  link_of(object) = slab->free;
  slab->free = object;
  if (--slab->in_use != 0) return;
  if (!has_free_slab_) {
    has_free_slab_ = true;
    return;
  }
  slab->remove();
  frames::give(Frame::of(slab));
}

ObjectCache& ObjectCache::owner_of_page(void* page) {
  ObjectCache* cache = static_cast<Slab*>(page)->cache;
  CV6_DEBUG_ASSERT(cache && cache->order_ == 0);
  return *cache;
}

std::uint64_t ObjectCache::live() const {
  std::uint32_t live = 0;
  for (unsigned cpu = 0; cpu < arch::cpu_count(); ++cpu)
    if (const auto* there = static_cast<const CpuMagazines*>(magazines.of(cpu))) live += there->of[index_].live;
  return live;
}

void ObjectCache::for_each(void (*visit)(const Counts&, void* context), void* context) {
  ObjectCache* at;
  {
    SpinGuard guard(registry_lock);
    at = registry;
  }
  for (; at; at = at->next_) visit({at->name_, at->object_size_, at->live()}, context);
  visit({"size-pages", page_size, heap::live_blocks()}, context);
}

}  // namespace cv6
