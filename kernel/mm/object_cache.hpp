// Memory for the kernel's own objects.
//
// Types of which there are many derive from Cached<T, "name">: they get a cache of their own (slabs of equal slots, a
// per-CPU free list in front), and a count of live objects that /proc/cv6/objects shows and the leak tests compare.
// Everything else uses plain `new (std::nothrow)`, which is served by caches of round sizes, and by whole frames for
// what is larger than a page. In the debug build freed slots are poisoned and checked when they are taken again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

#include "lib/panic.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class ObjectCache {
 public:
  // name and sizes are fixed; caches live forever and are found through the list of all caches. Alignment: at most 64.
  constexpr ObjectCache(std::string_view name, std::size_t object_size, std::size_t alignment)
      : name_(name),
        object_size_(object_size),
        slot_size_(slot_size(object_size, alignment)),
        order_(order_for(slot_size_)) {}
  ObjectCache(const ObjectCache&) = delete;
  ObjectCache& operator=(const ObjectCache&) = delete;

  void* take();  // nullptr: no memory
  void give(void* object);

  struct Counts {
    std::string_view name;
    std::size_t object_size;
    std::uint64_t live;
  };
  // Calls visit(Counts) for every cache that has ever been used, the caches of round sizes included.
  static void for_each(void (*visit)(const Counts&, void* context), void* context);
  std::uint64_t live() const;
  // The cache that a page with slots belongs to; for caches whose slabs are single pages.
  static ObjectCache& owner_of_page(void* page);

  // Slabs begin with a header, so slots of sizes that divide what is left of a page waste nothing.
  static constexpr std::size_t header_size = 64;

 private:
  struct Slab;
  struct Magazine;
  struct CpuMagazines;

  static constexpr std::size_t slot_size(std::size_t size, std::size_t alignment) {
    const std::size_t unit = alignment < 16 ? 16 : alignment;
    return (size + unit - 1) / unit * unit;
  }
  // The smallest slab of which at most an eighth is wasted.
  static constexpr unsigned order_for(std::size_t slot) {
    for (unsigned order = 0; order < 3; ++order) {
      const std::size_t room = (std::size_t{4096} << order) - header_size;
      if (slot <= room && room % slot <= (std::size_t{4096} << order) / 8) return order;
    }
    return 3;
  }
  std::size_t slab_size() const { return std::size_t{4096} << order_; }
  Slab* slab_of(void* object) const;
  std::uint32_t batch() const { return slot_size_ <= 256 ? 16 : slot_size_ <= 1024 ? 8 : 4; }

  Magazine* magazine_here();  // nullptr: no memory for one
  void enlist();
  void* take_slowly();
  void refill(Magazine& magazine);
  void drain(Magazine& magazine);
  Slab* fresh_slab() REQUIRES(lock_);
  void give_to_slab(void* object) REQUIRES(lock_);

  const std::string_view name_;
  const std::size_t object_size_;
  const std::size_t slot_size_;
  const unsigned order_;
  std::uint32_t index_ = 0;  // which magazine of each processor's is ours; 0: not in use yet
  ObjectCache* next_ = nullptr;
  SpinLock lock_{Rank::objects};
  Slab* partial_ GUARDED_BY(lock_) =
      nullptr;  // slabs that have free slots, an entirely free one (at most one) included
  bool has_free_slab_ GUARDED_BY(lock_) = false;
};

template <std::size_t size>
struct Name {
  consteval Name(const char (&text)[size]) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = text[i];
  }
  constexpr std::string_view view() const { return {bytes, size - 1}; }
  char bytes[size];
};

template <class T, Name name>
class Cached {
 public:
  static void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    CV6_ASSERT(size == sizeof(T));  // a class derived from T needs a cache of its own
    return cache().take();
  }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* object) noexcept { cache().give(object); }

 private:
  static ObjectCache& cache() {
    static constinit ObjectCache cache(name.view(), sizeof(T), alignof(T));
    return cache;
  }
};

}  // namespace cv6
