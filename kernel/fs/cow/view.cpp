#include "fs/cow/view.hpp"

#include "fs/cow/inodes.hpp"
#include "fs/operations.hpp"

namespace cv6::cow {

namespace {

Result<Ref<Dentry>> make_view(const Path& lower, Ref<GuestMemory> owner) {
  Inode& directory = lower.inode();
  if (!directory.is_directory()) return Error::notdir;
  FileSystem& below = directory.file_system();
  if (below.in_view() == FileSystem::InView::as_it_is) return Error::inval;
  if (below.as_view() && below.as_view()->depth() >= max_depth) return Error::loop;
  Ref<ViewFileSystem> view = TRY(make<ViewFileSystem>(below, below.as_view(), std::move(owner)));
  return Dentry::create_root(TRY(view->make_root(Ref<Inode>(&directory))));
}

// What `mount` shows, for a view: a view of it, or itself.
Result<Ref<Dentry>> root_for_view(Mount& mount, Ref<GuestMemory> owner) {
  if (mount.file_system().in_view() == FileSystem::InView::as_it_is || !mount.root().inode()->is_directory())
    return Ref<Dentry>(&mount.root());
  return make_view({Ref<Mount>(&mount), Ref<Dentry>(&mount.root())}, std::move(owner));
}

// Mounts, at the same place below `view`, what `mount` shows. A place that cannot be reached there any more is left out.
Result<void> repeat_mount(Mount& mount, const Path& place, const Path& lower, const Path& view, FsContext& context,
                          char* text, const Ref<GuestMemory>& owner) {
  const PathText name = TRY(path_text(place, lower, {text, path_max}));
  if (name.text == "/") return {};
  const Result<Path> where = resolve({context, Credentials::root()}, {nullptr, name.text}, Follow::no);
  if (!where || where->mount->tree() != view.mount->tree()) return {};
  Ref<Dentry> root = TRY(root_for_view(mount, owner));
  const Result<Ref<Mount>> attached = Mount::attach(*where, std::move(root), mount.source(), mount.flags());
  if (!attached && attached.error() == Error::nomem) return Error::nomem;
  return {};
}

}  // namespace

Result<Path> create_view(const Path& lower, Ref<GuestMemory> owner) {
  Ref<Dentry> root = TRY(make_view(lower, std::move(owner)));
  Ref<Mount> mount = TRY(Mount::create_tree(root, lower.mount->source(), lower.mount->flags()));
  return Path{std::move(mount), std::move(root)};
}

Result<Path> create_view_of_tree(const Path& lower, Ref<GuestMemory> owner) {
  Path view = TRY(create_view(lower, owner));
  Ref<FsContext> context = TRY(FsContext::create(view, view));
  Own<char[]> text(new (std::nothrow) char[path_max]);
  if (!text) return Error::nomem;
  std::uint64_t last = 0;
  // In the order in which they were mounted: a mount comes after the one that it is in.
  while (Ref<Mount> mount = lower.mount->next_in_tree(last)) {
    last = mount->id();
    const Path place = mount->attached_at();
    if (place && is_below(place, lower)) TRY(repeat_mount(*mount, place, lower, view, *context, text.get(), owner));
  }
  return view;
}

}  // namespace cv6::cow
