// Kernel memory that a program causes to be used is charged to its container.
//
// Who pays is a property of the processor: the memory of the container for which the running thread works, set when the
// thread gets the processor, and nobody while the kernel's own threads have it. The host pays for nothing: it has no limit.
// Objects of kinds that a program can make in numbers derive from Charged<T, "name"> where others derive from Cached: `new`
// charges them to the payer, and fails as for want of memory at a limit; `delete` gives the charge back to who paid. Blocks
// of whole frames (mm/heap.hpp) are charged in the same way. What is left, small blocks, is bounded by the objects that have
// them: kinds with such blocks are charged for them `beside` their own size.
//
// Bytes are counted for each container, and a page is charged for every page full of them: most objects cost two atomic
// operations in their life.
#pragma once

#include <cstddef>
#include <utility>

#include "mm/guest_memory.hpp"
#include "mm/object_cache.hpp"
#include "sync/per_cpu.hpp"

namespace cv6 {

namespace payer {

extern constinit PerCpu<GuestMemory*> of_cpu;

inline GuestMemory* current() { return of_cpu.here(); }
// The memory stays until another one is set.
inline void set(GuestMemory* memory) { of_cpu.here() = memory; }

// Another one pays meanwhile, or nobody (null): for what belongs to the system or to somebody else. Nothing inside may
// block.
class Scope {
 public:
  explicit Scope(GuestMemory* memory) : before_(std::exchange(of_cpu.here(), memory)) {}
  ~Scope() { set(before_); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  GuestMemory* before_;
};

}  // namespace payer

template <class T, Name name, std::size_t beside = 0>
class Charged {
 public:
  static void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    CV6_ASSERT(size == sizeof(T));  // a class derived from T needs a cache of its own
    GuestMemory* payer = payer::current();
    if (payer && !payer->charge_bytes(bytes())) return nullptr;
    void* object = cache().take();
    if (object) [[likely]]
      payer_of(object) = payer;
    else if (payer)
      payer->uncharge_bytes(bytes());
    return object;
  }
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  static void operator delete(void* object) noexcept {
    if (!object) return;
    GuestMemory* payer = payer_of(object);
    cache().give(object);
    if (payer) payer->uncharge_bytes(bytes());
  }

 private:
  // Behind each object is who pays for it.
  static constexpr std::size_t payer_at() { return (sizeof(T) + alignof(GuestMemory*) - 1) & ~(alignof(GuestMemory*) - 1); }
  static constexpr std::size_t bytes() { return payer_at() + sizeof(GuestMemory*) + beside; }
  static GuestMemory*& payer_of(void* object) {
    return *reinterpret_cast<GuestMemory**>(static_cast<char*>(object) + payer_at());
  }
  static ObjectCache& cache() {
    static constinit ObjectCache cache(name.view(), payer_at() + sizeof(GuestMemory*), alignof(T));
    return cache;
  }
};

}  // namespace cv6
