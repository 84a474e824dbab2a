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

namespace cv6 {

class ObjectCache {
 public:
  // name and sizes are fixed; caches live forever and are found through the list of all caches.
  ObjectCache(std::string_view name, std::size_t object_size, std::size_t alignment);
  void* take();  // nullptr: no memory
  void give(void* object);

  struct Counts {
    std::string_view name;
    std::size_t object_size;
    std::uint64_t live;
  };
  // Calls visit(Counts) for every cache that has ever been used, the caches of round sizes included.
  static void for_each(void (*visit)(const Counts&, void* context), void* context);

 private:
  // (owner of mm/ completes)
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
  static void* operator new(std::size_t, const std::nothrow_t&) noexcept { return cache().take(); }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* object) noexcept { cache().give(object); }

 private:
  static ObjectCache& cache() {
    static ObjectCache cache(name.view(), sizeof(T), alignof(T));
    return cache;
  }
};

}  // namespace cv6
