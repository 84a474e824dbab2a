// /proc/PID/{mounts,mountinfo}: the mounts that a process can reach, named as it sees them.
#include "task/proc/mount_text.hpp"
#include "task/proc/process_entries.hpp"

namespace cv6::proc {

namespace {

using PrintLine = void (*)(Output& out, const MountFacts& facts);

Result<void> print_mount(Output& out, Mount& mount, const Path& root, std::span<char> buffer, PrintLine print_line) {
  const Path top{Ref<Mount>(&mount), Ref<Dentry>(&mount.root())};
  const PathText place = TRY(path_text(top, root, buffer));
  if (!place.reachable) return {};  // not below its root directory
  const Path above = mount.attached_at();
  print_line(out, {.id = mount.id(),
                   .parent = above ? above.mount->id() : mount.id(),
                   .device = mount.file_system().device(),
                   .source = mount.source(),
                   .place = place.text,
                   .type = mount.file_system().type_name(),
                   .flags = mount.flags()});
  return {};
}

Result<void> print_all(const Subject& subject, TextBuffer& out, PrintLine print_line) {
  Ref<Process> process = TRY(subject.process());
  const Path root = process->hold_root();
  if (!root) return Error::inval;  // as Linux has it for a zombie
  Own<char[]> buffer(new (std::nothrow) char[path_max]);
  if (!buffer) return Error::nomem;
  return root.mount->for_each_in_tree(
      [&](Mount& mount) { return print_mount(out, mount, root, {buffer.get(), path_max}, print_line); });
}

}  // namespace

Result<void> generate_mounts(const Subject& subject, TextBuffer& out) {
  return print_all(subject, out, print_mounts_line);
}

Result<void> generate_mountinfo(const Subject& subject, TextBuffer& out) {
  return print_all(subject, out, print_mountinfo_line);
}

}  // namespace cv6::proc
