// cv6's own calls on the files of containers (user/include/cv6/files.hpp).
//
// Who may: a privileged process above the container.
#include <algorithm>

#include "abi/linux/container_calls.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "container/manager.hpp"
#include "container/volume.hpp"
#include "fs/cow/changes.hpp"
#include "task/container_operations.hpp"

namespace cv6::linux_abi {
namespace {

// A line for each change: kind, space, path. What would break a line is written as in /proc/self/mounts.
class ChangeLines final : public cow::ChangeSink {
 public:
  explicit ChangeLines(File& file) : file_(file) {}
  Result<void> change(cow::ChangeKind kind, std::string_view path) override {
    if (UserThread::current().interrupted()) return Error::restart_if_asked;
    const char head[] = {static_cast<char>(kind), ' '};
    TRY(write({head, sizeof head}));
    while (!path.empty()) {
      const std::size_t plain = std::min(path.find_first_of("\n\\"), path.size());
      TRY(write(path.substr(0, plain)));
      path.remove_prefix(plain);
      if (path.empty()) break;
      TRY(write(path.front() == '\n' ? "\\012" : "\\134"));
      path.remove_prefix(1);
    }
    return write("\n");
  }

 private:
  Result<void> write(std::string_view text) {
    IoBuffer from = IoBuffer::kernel(std::span(text));
    if (!text.empty() && TRY(file_.write(from)) != text.size()) return Error::nomem;
    return {};
  }
  File& file_;
};

}  // namespace

Result<long> sys_mount_in_container(Context& context, UserPtr<ContainerMount> pointer, std::size_t size) {
  const ContainerMount wanted = TRY(read_extensible(pointer, size, sizeof(ContainerMount)));
  if (wanted.flags & ~ContainerMount::read_only) return Error::inval;
  const Ref<Container> container = TRY(find_to_manage(context, wanted.id));
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
  TRY(view(context.process, *TRY(find_to_manage(context, id))));
  return 0;
}

// What has changed is written down at once, into memory of the caller's container: so the file is of one moment, and can be
// read as any other.
Result<long> sys_open_container_changes(Context& context, int id) {
  const Ref<Container> container = TRY(find_to_manage(context, id));
  const Path root = container->root();
  if (!root) return Error::srch;
  const Caller caller = abi::caller_of(context);
  const Ref<File> written = TRY(make_memory_file(caller, "changes", context.container.memory()));
  ChangeLines lines(*written);
  TRY(cow::list_changes(root, container->memory(), lines));
  Ref<File> file = TRY(open_path(caller, written->path(), open_flag::read));
  return TRY(context.process.files().add(std::move(file), CloseOnExec::yes, context.process.open_files_limit()));
}

}  // namespace cv6::linux_abi
