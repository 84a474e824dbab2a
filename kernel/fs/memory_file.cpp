// memfd_create(2).
#include "fs/anonymous.hpp"
#include "fs/operations.hpp"
#include "fs/tmpfs.hpp"

namespace cv6 {

Result<Ref<File>> make_memory_file(const Caller& caller, std::string_view name, GuestMemory& owner) {
  constexpr std::string_view prefix = "/memfd:";
  if (name.size() > name_max - prefix.size() + 1) return Error::inval;
  char text[name_max + 1];
  const std::string_view shown = format_to(text, "{}{}", prefix, name);
  auto created = tmpfs::create(Ref<GuestMemory>(&owner), {});
  if (!created) return created.error() == Error::nospc ? Error::nomem : created.error();  // it is on no disk
  const Ref<Dentry> root = *std::move(created);
  NewInode wanted;
  wanted.mode = mode::permissions;
  wanted.user = caller.credentials.ids().file_user;
  wanted.group = caller.credentials.ids().file_group;
  auto made = root->inode()->create_unnamed(wanted);
  if (!made) return made.error() == Error::nospc ? Error::nomem : made.error();
  Ref<Inode> inode = *std::move(made);
  Path path{anonymous::mount(), TRY(Dentry::create_detached(shown, inode))};
  constexpr OpenFlags flags = open_flag::read | open_flag::write;
  TRY(inode->begin_writing());
  Result<Ref<File>> file = inode->open(path, flags);
  if (!file) return file;
  (*file)->note_writer();
  (*file)->set_up(std::move(path), flags, caller.credentials);
  return file;
}

}  // namespace cv6
