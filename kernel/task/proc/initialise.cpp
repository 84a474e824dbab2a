#include "fs/mount.hpp"
#include "task/proc/proc.hpp"
#include "task/proc/root_directory.hpp"
#include "task/proc/subject.hpp"
#include "task/proc/system_files.hpp"

namespace cv6::proc {

namespace {

constexpr std::uint64_t magic = 0x9fa0;  // PROC_SUPER_MAGIC, statfs(2)

// Made at boot, kept for ever.
constinit Ref<FileSystem> instance;
constinit Ref<Dentry> root_dentry;

FileSystemType type{
    .name = "proc",
    .make = [](std::string_view, std::string_view, GuestMemory&) -> Result<Ref<Dentry>> { return root(); },
    .node = {}};

}  // namespace

const Ref<FileSystem>& procfs() { return instance; }

Ref<Dentry> root() { return root_dentry; }

Result<void> initialise() {
  instance = TRY(make<SyntheticFileSystem>("proc", magic));
  Ref<RootDirectory> directory = TRY(make<RootDirectory>());
  TRY(add_self_links(*directory));
  TRY(add_system_files(*directory));
  TRY(add_sys_directory(*directory));
  TRY(add_cv6_directory(*directory));
  root_dentry = TRY(Dentry::create_root(std::move(directory)));
  register_file_system(type);
  return {};
}

}  // namespace cv6::proc
