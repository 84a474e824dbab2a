#include "fs/anonymous.hpp"

#include "fs/path.hpp"
#include "mm/payer.hpp"

namespace cv6::anonymous {

namespace {

constexpr std::uint64_t pipefs_magic = 0x50495045;

class AnonymousFileSystem final : public FileSystem {
 public:
  std::string_view type_name() const override { return "pipefs"; }
  FileSystemStatus status() override { return {.magic = pipefs_magic}; }
};

constinit Ref<FileSystem> the_file_system;
constinit Ref<Mount> the_mount;

class AnonymousInode final : public Inode, public Charged<AnonymousInode, "anonymous_inode"> {
 public:
  explicit AnonymousInode(Mode mode) : Inode(the_file_system, {.type = FileType::character_device, .mode = mode}) {}
};

}  // namespace

Result<void> initialise() {
  if (the_mount) return {};
  the_file_system = TRY(make<AnonymousFileSystem>());
  Ref<Inode> root = TRY(make<Inode>(the_file_system, Inode::Identity{.type = FileType::directory, .mode = 0500}));
  the_mount = TRY(Mount::create_outside(TRY(Dentry::create_root(std::move(root))), "pipefs"));
  return {};
}

const Ref<FileSystem>& file_system() { return the_file_system; }
const Ref<Mount>& mount() { return the_mount; }

Result<Ref<Inode>> make_device(Mode mode) {
  return Ref<Inode>(TRY(make<AnonymousInode>(mode)));
}

}  // namespace cv6::anonymous
