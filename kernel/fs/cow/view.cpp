#include "fs/cow/view.hpp"

#include <cstring>

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
  Inode& shown = lower.inode();
  FileSystem& below = shown.file_system();
  if (below.in_view() != FileSystem::InView::copied_on_write) return Error::inval;
  if (below.as_view() && below.as_view()->depth() >= max_depth) return Error::loop;
  Ref<ViewFileSystem> view = TRY(make<ViewFileSystem>(below, below.as_view(), owners.memory, owners.disk));
  return Dentry::create_root(TRY(view->make_root(Ref<Inode>(&shown))));
}

// What `mount` shows, for a view: a view of it, itself, or a new instance; null: one file of what would be a new instance.
Result<Ref<Dentry>> root_for_view(Mount& mount, const Owners& owners) {
  const FileSystem::InView how = mount.file_system().in_view();
  if (how == FileSystem::InView::as_it_is) return Ref<Dentry>(&mount.root());
  if (how == FileSystem::InView::new_instance)
    return mount.root().inode()->is_directory() ? mount.file_system().make_instance() : Ref<Dentry>();
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

// Repeats mounts of one tree in a view. Most are right below the root of one that has been repeated (/proc, /dev/pts): there
// a look at that root's names is enough; any other place is found by a walk.
class Repeater {
 public:
  // `view` shows `lower`.
  Repeater(const Path& lower, const Path& view, const Owners& owners) : view_(view), owners_(owners) { note(lower, view); }

  // At the place below the view's root that `place` is below `from`. One that cannot be reached there is left out.
  Result<void> repeat(Mount& mount, const Path& place, const Path& from,
                      Result<Ref<Dentry>> (*root_for)(Mount&, const Owners&)) {
    const Path near = TRY(find_near(place));
    const Path where = near ? near : TRY(find_far(place, from));
    if (!where) return {};
    Ref<Dentry> root = TRY(root_for(mount, owners_));
    if (!root) return {};
    const Result<Ref<Mount>> attached = Mount::attach(where, root, mount.source(), mount.flags());
    if (!attached && attached.error() == Error::nomem) return Error::nomem;
    if (attached) note({Ref<Mount>(&mount), Ref<Dentry>(&mount.root())}, {*attached, std::move(root)});
    return {};
  }

 private:
  struct Root {
    Path original, shown;
  };
  static constexpr std::size_t most_roots = 8, longest_near_name = 32;

  // What is in roots that are too many to remember is found by walks.
  void note(Path original, Path shown) {
    if (root_count_ < most_roots) roots_[root_count_++] = {std::move(original), std::move(shown)};
  }

  // Null: it is not near.
  Result<Path> find_near(const Path& place) const {
    for (const Root& root : std::span(roots_, root_count_)) {
      if (root.original.mount != place.mount) continue;
      char name[longest_near_name];
      std::size_t size = 0;
      {
        SpinGuard guard(Dentry::tree_lock);
        if (place.dentry->parent_locked() != root.original.dentry.get()) return Path{};
        size = place.dentry->name().size();
        if (size > sizeof name) return Path{};
        std::memcpy(name, place.dentry->name().data(), size);
      }
      Ref<Dentry> found = TRY(root.shown.dentry->look_up(ComponentName::of({name, size})));
      return found->negative() || found->mounted_on() ? Path{} : Path{root.shown.mount, std::move(found)};
    }
    return Path{};
  }
  // Null: it is not there.
  Result<Path> find_far(const Path& place, const Path& from) {
    if (!context_) {
      context_ = TRY(FsContext::create(view_, view_));
      text_ = Own<char[]>(new (std::nothrow) char[path_max]);
      if (!text_) return Error::nomem;
    }
    const PathText name = TRY(path_text(place, from, {text_.get(), path_max}));
    if (name.text == "/") return Path{};
    Result<Path> where = resolve({*context_, Credentials::root()}, {nullptr, name.text}, Follow::no);
    if (!where || where->mount->tree() != view_.mount->tree()) return Path{};
    return where;
  }

  const Path& view_;
  const Owners& owners_;
  Root roots_[most_roots];
  std::size_t root_count_ = 0;
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
  if (!lower.inode().is_directory()) return Error::notdir;
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
  Repeater repeater(lower, view, owners);
  // In the order in which they were mounted: a mount comes after the one that it is in.
  TRY(lower.mount->for_each_in_tree([&](Mount& mount) -> Result<void> {
    const Path place = mount.attached_at();
    if (!place) return {};
    if (is_below(place, lower)) return repeater.repeat(mount, place, lower, root_for_view);
    if (is_below(place, parent)) return repeater.repeat(mount, place, parent, root_for_other_directory);
    return {};
  }));
  return view;
}

}  // namespace cv6::cow
