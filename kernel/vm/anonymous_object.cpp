#include "vm/anonymous_object.hpp"

namespace cv6 {

Result<Ref<MemoryObject>> AnonymousObject::create(Ref<GuestMemory> memory, std::uint64_t pages) {
  return Ref<MemoryObject>(TRY(make<AnonymousObject>(std::move(memory), pages)));
}

Result<FrameRef> AnonymousObject::page_for_mapping(std::uint64_t index, Intent intent) {
  if (index >= pages_) return Error::fault;
  if (intent == Intent::write) return cache_.writable(index);
  FrameRef page = cache_.find(index);
  return page ? std::move(page) : frames::zero_page();
}

}  // namespace cv6
