// container_limit: what a container and all below it may use, what they do, and how often that was refused.
#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"

namespace cv6::linux_abi {
namespace {

Result<ResourceCounter*> counter_of(Container& container, std::uint32_t kind) {
  switch (kind) {
    case ContainerLimit::processes: return &container.tasks();
    case ContainerLimit::open_files: return &container.descriptors()->counter();
    case ContainerLimit::messages: return &container.messages();
    case ContainerLimit::disk: return &container.disk()->counter();
    default: return Error::inval;
  }
}

// Memory is counted in pages; here in bytes.
void set_memory_limit(GuestMemory& memory, std::uint64_t bytes) {
  memory.set_limit(bytes == ContainerLimit::unlimited ? bytes : bytes >> page_shift);
}

Result<void> set_limit(Container& container, const ContainerLimit& wanted) {
  if (wanted.kind == ContainerLimit::memory)
    set_memory_limit(container.memory(), wanted.limit);
  else
    TRY(counter_of(container, wanted.kind))->set_limit(wanted.limit);
  return {};
}

Result<void> describe(Container& container, ContainerLimit& limit) {
  if (limit.kind == ContainerLimit::memory) {
    const MemoryCounters memory = container.memory().counters();
    limit.limit = memory.limit_pages == UINT64_MAX ? ContainerLimit::unlimited : memory.limit_pages << page_shift;
    limit.current = memory.pages << page_shift;
    limit.peak = memory.peak_pages << page_shift;
    limit.refusals = memory.refusals;
    limit.victims = memory.victims;
    return {};
  }
  const ResourceCounts counts = TRY(counter_of(container, limit.kind))->counts();
  limit.limit = counts.limit;
  limit.current = counts.current;
  limit.peak = counts.peak;
  limit.refusals = counts.refusals;
  limit.victims = 0;
  return {};
}

}  // namespace

Result<long> sys_container_limit(Context& context, UserPtr<ContainerLimit> pointer, std::size_t size) {
  ContainerLimit limit = TRY(read_extensible(pointer, size, sizeof(ContainerLimit)));
  const Ref<Container> container = TRY(find_container(context, limit.id));
  if (limit.operation == ContainerLimit::set) {
    TRY(check_may_manage(context));
    TRY(set_limit(*container, limit));
  } else if (limit.operation != ContainerLimit::get) {
    return Error::inval;
  }
  TRY(describe(*container, limit));
  TRY(pointer.write(limit));
  return 0;
}

}  // namespace cv6::linux_abi
