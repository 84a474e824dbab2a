// cv6's own calls on the files of containers (user/include/cv6/files.hpp).
//
// Who may: a privileged process above the container.
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "container/manager.hpp"
#include "container/volume.hpp"
#include "task/container_operations.hpp"

namespace cv6::linux_abi {
namespace {

Result<Ref<Container>> find_below(Context& context, int id) {
  Ref<Container> found = ContainerManager::find(context.container, id);
  if (!found) return Error::srch;
  if (!context.process.credentials().privileged()) return Error::perm;
  return found;
}

}  // namespace

Result<long> sys_mount_in_container(Context& context, UserPtr<ContainerMount> pointer, std::size_t size) {
  const ContainerMount wanted = TRY(read_extensible(pointer, size, sizeof(ContainerMount)));
  if (wanted.flags & ~ContainerMount::read_only) return Error::inval;
  const Ref<Container> container = TRY(find_below(context, wanted.id));
  abi::NameArgument name;
  TRY(name.read(UserString(wanted.source)));
  const Path source = TRY(resolve(abi::caller_of(context), name.at(), Follow::yes));
  PathBuffer target_buffer;
  const std::string_view target = TRY(UserString(wanted.target).read(target_buffer));
  const bool read_only = wanted.flags & ContainerMount::read_only;
  TRY(mount_volume(*container, source, target, read_only ? VolumeAccess::read_only : VolumeAccess::read_write));
  return 0;
}

Result<long> sys_view_container(Context& context, int id) {
  if (id == context.container.id()) {
    if (!context.process.credentials().privileged()) return Error::perm;
    TRY(view(context.process, context.container));
    return 0;
  }
  TRY(view(context.process, *TRY(find_below(context, id))));
  return 0;
}

}  // namespace cv6::linux_abi
