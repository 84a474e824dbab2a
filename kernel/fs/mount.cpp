#include "fs/mount.hpp"

#include "fs/path.hpp"
#include "sched/scheduler.hpp"

namespace cv6 {

namespace {

constinit SpinLock mount_lock{Rank::dentries};  // parents, children and places of all mounts; never with a dentry's lock
constinit std::atomic<std::uint64_t> last_id{0};
constinit std::atomic<std::uint64_t> last_tree{0};

constinit SpinLock types_lock{Rank::dentries};
constinit List<FileSystemType, &FileSystemType::node> types;

}  // namespace

Mount::Mount(Ref<Dentry> root, std::uint64_t tree, std::uint32_t flags, String source)
    : root_(std::move(root)),
      file_system_(&root_->inode()->file_system()),
      source_(std::move(source)),
      id_(last_id.fetch_add(1, std::memory_order_relaxed) + 1),
      tree_(tree),
      flags_(flags) {
  file_system_->mounted();
}

Mount::~Mount() {
  if (!file_system_->unmounted()) return;
  Ref<Dentry> top = root_;
  while (Ref<Dentry> above = top->parent()) top = std::move(above);
  Dentry::drop_below(*top);
  file_system_->last_unmounted();
}

// The mounts attached here lose their parent; those that nobody is in go too, one after the other without recursion.
void Mount::last_reference_gone() {
  Mount* pending = this;
  while (pending) {
    Mount* gone = pending;
    pending = gone->next_gone_;
    while (true) {
      Mount* child;
      {
        SpinGuard guard(mount_lock);
        child = gone->children_.first();
        if (!child) break;
        gone->children_.remove(*child);
        child->parent_ = nullptr;
      }
      child->attached_at_->note_mount(-1);
      child->attached_at_ = nullptr;
      // The parent's count: if it is the last one, the child is freed in this loop rather than by release().
      if (child->references() == 1) {
        child->next_gone_ = pending;
        pending = child;
      } else {
        child->release();
      }
    }
    delete gone;
  }
}

Result<Ref<Mount>> Mount::create(Ref<Dentry> root, std::uint64_t tree, std::string_view source, std::uint32_t flags) {
  String text = TRY(String::create(source));
  return make<Mount>(std::move(root), tree, flags, std::move(text));
}

Result<Ref<Mount>> Mount::create_tree(Ref<Dentry> root, std::string_view source, std::uint32_t flags) {
  return create(std::move(root), last_tree.fetch_add(1, std::memory_order_relaxed) + 1, source, flags);
}

Result<Path> Mount::twin(const Path& path, std::uint32_t flags) {
  return Path{TRY(create_tree(path.mount->root_, path.mount->source(), flags)), path.dentry};
}

Result<Ref<Mount>> Mount::create_outside(Ref<Dentry> root, std::string_view source) {
  return create(std::move(root), no_tree, source, 0);
}

Result<Ref<Mount>> Mount::attach(const Path& where, Ref<Dentry> root, std::string_view source, std::uint32_t flags) {
  if (where.inode().is_directory() != root->inode()->is_directory()) return Error::notdir;
  if (where.dentry.get() == &where.mount->root() && root == where.dentry) return Error::busy;
  Ref<Mount> mount = TRY(create(std::move(root), where.mount->tree(), source, flags));
  Ref<Dentry> place = where.dentry;
  // Who removes the place looks with this held whether something is mounted there: one of the two sees the other.
  MutexGuard place_guard(where.inode().mutex());
  if (place->unlinked() || where.inode().removed()) return Error::noent;
  place->note_mount(1);
  Result<void> outcome;
  {
    SpinGuard guard(mount_lock);
    Mount& top = where.mount->top_of_tree();
    unsigned count = 0;
    for (Mount* at = &top; at; at = at->next_below(top)) ++count;
    if (where.mount->children_.find(ByPlace::key(*place))) {
      outcome = Error::busy;
    } else if (count >= most_in_tree) {
      outcome = Error::nospc;
    } else {
      mount->parent_ = where.mount.get();
      mount->attached_at_ = place;
      mount->hold();  // the parent's
      where.mount->children_.insert(*mount);
    }
  }
  if (outcome) return mount;
  place->note_mount(-1);
  return outcome.error();
}

Result<void> Mount::detach(const Path& path, Detach how) {
  Mount& mount = *path.mount;
  if (path.dentry.get() != &mount.root()) return Error::inval;
  Ref<Dentry> place;
  {
    SpinGuard guard(mount_lock);
    if (!mount.parent_) return Error::inval;
    if (how == Detach::when_unused) {
      // The parent's count and the caller's Path.
      if (!mount.children_.empty() || mount.references() > 2) return Error::busy;
    }
    mount.parent_->children_.remove(mount);
    mount.parent_ = nullptr;
    place = std::move(mount.attached_at_);
  }
  place->note_mount(-1);
  mount.release();
  return {};
}

Ref<Mount> Mount::mount_at(const Dentry& dentry) {
  SpinGuard guard(mount_lock);
  return Ref<Mount>(children_.find(ByPlace::key(dentry)));
}

Path Mount::attached_at() {
  SpinGuard guard(mount_lock);
  // The parent's count may be on its way to zero: it takes this lock before it is gone.
  if (!parent_ || !parent_->hold_unless_gone()) return {};
  return {Ref<Mount>::adopt(parent_), attached_at_};
}

Mount& Mount::top_of_tree() {
  Mount* top = this;
  while (top->parent_) top = top->parent_;
  return *top;
}

Mount* Mount::next_below(const Mount& top) {
  Mount* next = children_.first();
  for (Mount* at = this; !next && at != &top; at = at->parent_) next = at->parent_->children_.next(*at);
  return next;
}

std::size_t Mount::next_in_tree(std::uint64_t& last, std::span<Ref<Mount>, 8> to) {
  sched::maybe_yield();
  SpinGuard guard(mount_lock);
  Mount& top = top_of_tree();
  Mount* found[8];
  std::size_t count = 0;
  for (Mount* at = &top; at; at = at->next_below(top)) {
    if (at->id_ > last && (count < to.size() || at->id_ < found[count - 1]->id_)) {
      std::size_t place = count < to.size() ? count++ : count - 1;
      for (; place > 0 && found[place - 1]->id_ > at->id_; --place) found[place] = found[place - 1];
      found[place] = at;
    }
  }
  for (std::size_t i = 0; i < count; ++i)
    if (found[i]->hold_unless_gone()) to[i] = Ref<Mount>::adopt(found[i]);
  if (count > 0) last = found[count - 1]->id_;
  return count;
}

void register_file_system(FileSystemType& type) {
  SpinGuard guard(types_lock);
  types.push_back(type);
}

FileSystemType* find_file_system(std::string_view name) {
  SpinGuard guard(types_lock);
  for (FileSystemType& type : types)
    if (type.name == name) return &type;
  return nullptr;
}

void for_each_file_system(void (*visit)(const FileSystemType& type, void* context), void* context) {
  FileSystemType* type;
  {
    SpinGuard guard(types_lock);
    type = types.front();
  }
  while (type) {  // types live forever and none is removed
    visit(*type, context);
    SpinGuard guard(types_lock);
    type = types.next(*type);
  }
}

}  // namespace cv6
