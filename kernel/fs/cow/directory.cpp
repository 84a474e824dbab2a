// Directories of a view: names found, made and removed.
#include <cstring>

#include "fs/cow/inodes.hpp"
#include "sched/pace.hpp"

namespace cv6::cow {

// --- entries -----------------------------------------------------------------------------------------------------------

Result<Entry*> Entry::create(std::string_view name, ViewFileSystem& view) {
  TRY(view.meter().charge(sizeof(Entry) + name.size()));
  void* place = ::operator new(sizeof(Entry) + name.size(), std::nothrow);
  if (!place) {
    view.meter().uncharge(sizeof(Entry) + name.size());
    return Error::nospc;
  }
  Entry* entry = new (place) Entry(ComponentName::of(name));
  std::memcpy(reinterpret_cast<char*>(entry + 1), name.data(), name.size());
  return entry;
}

void Entry::destroy(Entry* entry, ViewFileSystem& view) {
  view.meter().uncharge(sizeof(Entry) + entry->name_size_);
  entry->~Entry();
  ::operator delete(entry);
}

Directory::~Directory() {
  free_entries();
  view().forget(part_);
}

// Nobody else gets at the entries any more. What a subdirectory that only we hold contains becomes ours first: a tree of
// any depth is freed without recursion. There may be a million: others get their turns.
void Directory::free_entries() {
  sched::Pace pace;
  while (Entry* entry = by_cookie_.first()) {
    by_name_.remove(*entry);
    by_cookie_.remove(*entry);
    if (entry->inode && entry->inode->is_directory() && entry->inode->references() == 1) {
      Directory& below = static_cast<Directory&>(*entry->inode);
      while (Entry* inner = below.by_cookie_.first()) {
        below.by_name_.remove(*inner);
        below.by_cookie_.remove(*inner);
        inner->cookie = next_cookie_++;
        by_cookie_.insert(*inner);  // by name it is needed no more
        pace.step();
      }
    }
    Entry::destroy(entry, view());
    pace.step();
  }
}

Ref<Inode> Directory::put(std::string_view name, Ref<Inode> inode, Origin origin, SpareEntry& spare) {
  Entry* entry = find(name);
  if (!entry) {
    entry = spare.use();
    entry->cookie = next_cookie_++;
    entry->from_below = origin == Origin::below;
    by_name_.insert(*entry);
    by_cookie_.insert(*entry);
  }
  std::swap(entry->inode, inode);
  return inode;
}

void Directory::drop(std::string_view name, SpareEntry& spare) {
  Entry* entry = find(name);
  if (!entry) return;
  by_name_.remove(*entry);
  by_cookie_.remove(*entry);
  if (Entry* unused = spare.use()) Entry::destroy(unused, view());
  spare.put_back(entry);
}

// --- looking up --------------------------------------------------------------------------------------------------------

Result<Ref<Inode>> Directory::lookup(std::string_view name) {
  const Levels levels(*this);
  unsigned level;
  Ref<Inode> found = TRY(levels.find(name, 0, level));
  while (level-- > 0) {
    Directory& directory = levels[level];
    found = TRY(directory.view().inode_for(std::move(found), directory, name));
    if (!found) return Error::noent;
  }
  return found;
}

Result<bool> Directory::exists_below(std::string_view name) {
  const Levels levels(*this);
  unsigned level;
  const Result<Ref<Inode>> found = levels.find(name, 1, level);
  if (!found && found.error() != Error::noent) return found.error();
  return found.has_value();
}

// --- changing ----------------------------------------------------------------------------------------------------------

Result<Ref<Inode>> Directory::create(std::string_view name, const NewInode& wanted) {
  TRY(change());
  SpareEntry spare(view());
  TRY(spare.make(name));
  Ref<Inode> inode = TRY(view().make_inode(wanted));
  if (wanted.type == FileType::directory) count_subdirectory(+1);
  touch_modified();
  SpinGuard guard(view().lock());
  (void)put(name, inode, Origin::view, spare);
  return inode;
}

Result<Ref<Inode>> Directory::create_unnamed(const NewInode& wanted) {
  Ref<Inode> inode = TRY(view().make_inode(wanted));
  inode->set_links(0);
  return inode;
}

Result<void> Directory::link(std::string_view name, Inode& target) {
  TRY(change());
  if (!target.is_own()) TRY(target.take_over());
  SpareEntry spare(view());
  TRY(spare.make(name));
  target.set_links(target.links() + 1);
  target.touch_changed();
  touch_modified();
  SpinGuard guard(view().lock());
  (void)put(name, Ref<Inode>(&target), Origin::view, spare);
  return {};
}

// One of an inode's names is gone.
void Directory::count_name_gone(Inode& victim) {
  victim.set_links(victim.links() - 1);
  victim.touch_changed();
  if (victim.links() == 0) view().stop_keeping(part_of(victim));
}

// The name is gone from here, whatever there is below.
Result<void> Directory::leave(std::string_view name) {
  SpareEntry spare(view());
  const bool below = TRY(exists_below(name));
  if (below) TRY(spare.make(name));
  Ref<Inode> gone;
  SpinGuard guard(view().lock());
  if (below)
    gone = put(name, nullptr, Origin::below, spare);
  else
    drop(name, spare);
  return {};
}

Result<void> Directory::unlink(std::string_view name, Inode& victim) {
  TRY(change());
  if (!victim.is_own()) TRY(victim.take_over());
  TRY(leave(name));
  count_name_gone(victim);
  touch_modified();
  return {};
}

Result<void> Directory::remove_directory(std::string_view name, Inode& victim) {
  Directory& directory = static_cast<Directory&>(victim);
  if (!TRY(directory.is_empty())) return Error::notempty;
  TRY(change());
  TRY(directory.change());
  TRY(leave(name));
  victim.touch_changed();
  count_subdirectory(-1);
  touch_modified();
  return {};
}

Result<void> Directory::rename(std::string_view name, Inode& source, Inode& to_directory, std::string_view to_name,
                               Inode* target, RenameMode mode) {
  Directory& to = static_cast<Directory&>(to_directory);
  TRY(change());
  TRY(to.change());
  if (mode == RenameMode::exchange) return exchange(name, source, to, to_name, *target);
  if (target && target->is_directory() && !TRY(static_cast<Directory&>(*target).is_empty())) return Error::notempty;
  if (target && !target->is_own()) TRY(target->take_over());
  SpareEntry spare(view());
  TRY(spare.make(to_name));
  SpareEntry whiteout(view());
  TRY(whiteout.make(name));
  SpareCharge charge(view());
  TRY(charge.make(source));
  const bool below = TRY(exists_below(name));
  Ref<Inode> replaced, left;
  Ref<Directory> old_parent;
  {
    SpinGuard guard(view().lock());
    replaced = to.put(to_name, Ref<Inode>(&source), Origin::view, spare);
    old_parent = ViewFileSystem::settle(part_of(source), charge);
    if (below)
      left = put(name, nullptr, Origin::below, whiteout);
    else
      drop(name, whiteout);
  }
  if (target && target->is_directory()) to.count_subdirectory(-1);
  else if (target) count_name_gone(*target);
  if (source.is_directory()) {
    count_subdirectory(-1);
    to.count_subdirectory(+1);
  }
  if (source.is_own()) source.touch_changed();
  touch_modified();
  to.touch_modified();
  return {};
}

Result<void> Directory::exchange(std::string_view name, Inode& source, Directory& to, std::string_view to_name,
                                 Inode& target) {
  SpareEntry mine(view());
  SpareEntry theirs(view());
  TRY(mine.make(name));
  TRY(theirs.make(to_name));
  SpareCharge source_charge(view());
  SpareCharge target_charge(view());
  TRY(source_charge.make(source));
  TRY(target_charge.make(target));
  Ref<Inode> old_source, old_target;
  Ref<Directory> source_parent, target_parent;
  {
    SpinGuard guard(view().lock());
    old_source = put(name, Ref<Inode>(&target), Origin::below, mine);
    old_target = to.put(to_name, Ref<Inode>(&source), Origin::below, theirs);
    source_parent = ViewFileSystem::settle(part_of(source), source_charge);
    target_parent = ViewFileSystem::settle(part_of(target), target_charge);
  }
  count_subdirectory(target.is_directory() - source.is_directory());
  to.count_subdirectory(source.is_directory() - target.is_directory());
  for (Inode* each : {&source, &target})
    if (each->is_own()) each->touch_changed();
  touch_modified();
  to.touch_modified();
  return {};
}

}  // namespace cv6::cow
