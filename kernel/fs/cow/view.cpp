#include "fs/cow/view.hpp"

#include "fs/cow/inodes.hpp"
#include "fs/operations.hpp"
#include "fs/tmpfs.hpp"

namespace cv6::cow {

namespace {

struct Owners {
  Ref<GuestMemory> memory;
  Ref<DiskAccount> disk;
};

Result<Ref<Dentry>> make_view(const Path& lower, const Owners& owners) {
  Inode& directory = lower.inode();
  if (!directory.is_directory()) return Error::notdir;
  FileSystem& below = directory.file_system();
  if (below.in_view() != FileSystem::InView::copied_on_write) return Error::inval;
  if (below.as_view() && below.as_view()->depth() >= max_depth) return Error::loop;
  Ref<ViewFileSystem> view = TRY(make<ViewFileSystem>(below, below.as_view(), owners.memory, owners.disk));
  return Dentry::create_root(TRY(view->make_root(Ref<Inode>(&directory))));
}

// What `mount` shows, for a view: a view of it, itself, or a new instance.
Result<Ref<Dentry>> root_for_view(Mount& mount, const Owners& owners) {
  const FileSystem::InView how = mount.file_system().in_view();
  if (how == FileSystem::InView::as_it_is || !mount.root().inode()->is_directory()) return Ref<Dentry>(&mount.root());
  if (how == FileSystem::InView::new_instance) return mount.file_system().make_instance();
  return make_view({Ref<Mount>(&mount), Ref<Dentry>(&mount.root())}, owners);
}

// The same for a view of another directory than the one that the mount is in; null: it is not shown there.
Result<Ref<Dentry>> root_for_other_directory(Mount& mount, const Owners& owners) {
  FileSystem& file_system = mount.file_system();
  if (mount.locked()) return Ref<Dentry>();  // a volume is there on purpose
  if (file_system.in_view() != FileSystem::InView::copied_on_write || file_system.type_name() == "devtmpfs")
    return root_for_view(mount, owners);
  if (file_system.type_name() != "tmpfs") return Ref<Dentry>();
  const Inode& root = *mount.root().inode();
  return tmpfs::create(owners.memory, {.mode = root.mode(), .user = root.user(), .group = root.group()});
}

// Repeats mounts of one tree in a view.
class Repeater {
 public:
  Repeater(const Path& view, const Owners& owners) : view_(view), owners_(owners) {}
  Result<void> prepare() {
    context_ = TRY(FsContext::create(view_, view_));
    text_ = Own<char[]>(new (std::nothrow) char[path_max]);
    if (!text_) return Error::nomem;
    return {};
  }
  // At the place below the view's root that `place` is below `from`. One that cannot be reached there is left out.
  Result<void> repeat(Mount& mount, const Path& place, const Path& from,
                      Result<Ref<Dentry>> (*root_for)(Mount&, const Owners&)) {
    const PathText name = TRY(path_text(place, from, {text_.get(), path_max}));
    if (name.text == "/") return {};
    const Result<Path> where = resolve({*context_, Credentials::root()}, {nullptr, name.text}, Follow::no);
    if (!where || where->mount->tree() != view_.mount->tree()) return {};
    Ref<Dentry> root = TRY(root_for(mount, owners_));
    if (!root) return {};
    const Result<Ref<Mount>> attached = Mount::attach(*where, std::move(root), mount.source(), mount.flags());
    if (!attached && attached.error() == Error::nomem) return Error::nomem;
    return {};
  }

 private:
  const Path& view_;
  const Owners& owners_;
  Ref<FsContext> context_;
  Own<char[]> text_;
};

}  // namespace

unsigned depth_of(FileSystem& file_system) {
  const ViewFileSystem* view = file_system.as_view();
  return view ? view->depth() : 0;
}

namespace {

Result<Path> create_tree(const Path& lower, const Owners& owners) {
  Ref<Dentry> root = TRY(make_view(lower, owners));
  Ref<Mount> mount = TRY(Mount::create_tree(root, lower.mount->source(), lower.mount->flags()));
  return Path{std::move(mount), std::move(root)};
}

}  // namespace

Result<Path> create_view(const Path& lower, Ref<GuestMemory> owner, Ref<DiskAccount> disk) {
  return create_tree(lower, {std::move(owner), std::move(disk)});
}

Result<Path> create_view_of_tree(const Path& lower, const Path& parent, Ref<GuestMemory> owner, Ref<DiskAccount> disk) {
  const Owners owners{std::move(owner), std::move(disk)};
  Path view = TRY(create_tree(lower, owners));
  Repeater repeater(view, owners);
  TRY(repeater.prepare());
  std::uint64_t last = 0;
  // In the order in which they were mounted: a mount comes after the one that it is in.
  while (Ref<Mount> mount = lower.mount->next_in_tree(last)) {
    last = mount->id();
    const Path place = mount->attached_at();
    if (!place) continue;
    if (is_below(place, lower)) TRY(repeater.repeat(*mount, place, lower, root_for_view));
    else if (is_below(place, parent)) TRY(repeater.repeat(*mount, place, parent, root_for_other_directory));
  }
  return view;
}

}  // namespace cv6::cow
