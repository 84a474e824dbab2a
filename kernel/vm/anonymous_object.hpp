// Memory shared between processes that is no file: mmap(2) with MAP_SHARED | MAP_ANONYMOUS.
#pragma once

#include "mm/payer.hpp"
#include "vm/page_cache.hpp"

namespace cv6 {

class AnonymousObject final : public MemoryObject, public Charged<AnonymousObject, "anonymous_object"> {
 public:
  // Of this many pages, charged to `memory` as they are used. Error::nomem.
  static Result<Ref<MemoryObject>> create(Ref<GuestMemory> memory, std::uint64_t pages);

  Result<FrameRef> page_for_mapping(std::uint64_t index, Intent intent) override;
  void pages_present(std::uint64_t first, unsigned count, Frame** pages) override {
    cache_.find(first, count, pages);
  }
  PageCache* cache_for_mapping() override { return &cache_; }
  void modified_by_mapping() override {}
  Label label() override { return {}; }

  AnonymousObject(Ref<GuestMemory> memory, std::uint64_t pages) : cache_(std::move(memory)), pages_(pages) {}

 private:
  PageCache cache_;
  const std::uint64_t pages_;
};

}  // namespace cv6
