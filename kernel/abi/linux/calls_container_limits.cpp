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
    case ContainerLimit::disk: return &container.disk()->counter();
    default: return Error::inval;
  }
}

}  // namespace

Result<long> sys_container_limit(Context& context, UserPtr<ContainerLimit> pointer, std::size_t size) {
  ContainerLimit limit = TRY(read_extensible(pointer, size, sizeof(ContainerLimit)));
  const Ref<Container> container = TRY(find_container(context, limit.id));
  ResourceCounter& counter = *TRY(counter_of(*container, limit.kind));
  if (limit.operation == ContainerLimit::set) {
    TRY(check_may_manage(context));
    counter.set_limit(limit.limit);
  } else if (limit.operation != ContainerLimit::get) {
    return Error::inval;
  }
  const ResourceCounts counts = counter.counts();
  limit.limit = counts.limit;
  limit.current = counts.current;
  limit.peak = counts.peak;
  limit.refusals = counts.refusals;
  TRY(pointer.write(limit));
  return 0;
}

}  // namespace cv6::linux_abi
