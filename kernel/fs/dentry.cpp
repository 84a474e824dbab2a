#include "fs/dentry.hpp"

#include <cstring>
#include <utility>

#include "mm/payer.hpp"
#include "sched/pace.hpp"

namespace cv6 {

namespace {

// Every dentry that is in a table, for the shrinker: a clock, as in CLOCK page replacement.
struct AllCached {
  List<Dentry, &Dentry::cache_node> clock;
  std::size_t limit = 16384;
};
constinit SpinLock cache_lock{Rank::dentries};
constinit AllCached all_cached;
constinit std::atomic<std::size_t> cached_count{0};

// How many are looked at for each one that comes while there are too many: enough to find one that nobody uses among
// three that are used, and no more, because those that are used (mount points of ten thousand containers) stay.
constexpr std::size_t shrink_batch = 4;

}  // namespace

constinit SpinLock Dentry::tree_lock{Rank::dentries};

constinit KeyedHash::Key ComponentName::hash_key{.start = 0x9e3779b97f4a7c15, .factor = 0xd1342543de82ef95};

// --- making and freeing ----------------------------------------------------------------------------------------------

Result<Ref<Dentry>> Dentry::create(Dentry* parent, const ComponentName& name, Ref<Inode> inode) {
  Dentry* raw = new (std::nothrow) Dentry(std::move(inode));
  if (!raw) return Error::nomem;
  Ref<Dentry> dentry = Ref<Dentry>::adopt(raw);
  TRY(dentry->set_name(name));
  if (parent) {
    parent->hold();
    dentry->parent_.store(parent, std::memory_order_relaxed);
  }
  return dentry;
}

Result<Ref<Dentry>> Dentry::create_root(Ref<Inode> inode) { return create(nullptr, {}, std::move(inode)); }

Result<Ref<Dentry>> Dentry::create_detached(std::string_view name, Ref<Inode> inode) {
  Ref<Dentry> dentry = TRY(create(nullptr, ComponentName::of(name), std::move(inode)));
  dentry->unlinked_.store(true, std::memory_order_relaxed);
  return dentry;
}

Result<void> Dentry::set_name(const ComponentName& name) {
  Own<char[]> room = TRY(room_for(name));
  char* bytes = room ? room.release() : name_bytes_;
  if (!name.text.empty()) std::memcpy(bytes, name.text.data(), name.text.size());
  name_ = {{bytes, name.text.size()}, name.hash};
  return {};
}

// The parent is released by release(), not here: a deep tree must not recurse.
Dentry::~Dentry() {
  CV6_DEBUG_ASSERT(!sibling_node.linked() && !cache_node.linked());
  if (Inode* inode = inode_.load(std::memory_order_relaxed)) inode->release();
  if (name_.text.size() > inline_name) delete[] name_.text.data();
}

void Dentry::free_with_parents() const {
  const Dentry* gone = this;
  for (sched::Pace pace;; pace.step()) {
    std::atomic_thread_fence(std::memory_order_acquire);  // all that was done through other references is visible
    const Dentry* parent = gone->parent_.load(std::memory_order_relaxed);
    delete gone;
    gone = parent;
    if (!gone || gone->count_.fetch_sub(1, std::memory_order_release) != 1) return;
  }
}

// --- looking up -------------------------------------------------------------------------------------------------------

Ref<Dentry> Dentry::find_in_table(const ComponentName& name) {
  SpinGuard guard(lock_);
  return Ref<Dentry>(children_.find(name));
}

// A mount point stays what it is as long as something is mounted there.
bool Dentry::still_true(const Dentry& child) const {
  const Inode& directory = *inode();
  return directory.entry_caching() != EntryCaching::by_version || child.mounted_on() ||
         child.version_.load(std::memory_order_relaxed) == directory.entries_version();
}

Ref<Dentry> Dentry::find_child(const ComponentName& name) {
  Ref<Dentry> found = find_in_table(name);
  if (!found) return found;
  if (!still_true(*found)) return {};
  if (!found->recently_used_.load(std::memory_order_relaxed))
    found->recently_used_.store(true, std::memory_order_relaxed);
  return found;
}

Result<Ref<Dentry>> Dentry::child(const ComponentName& name) {
  Ref<Dentry> found = find_in_table(name);
  if (found && still_true(*found)) return found;
  return ask(name, std::move(found));
}

Result<Ref<Dentry>> Dentry::look_up(const ComponentName& name) {
  Inode& directory = *inode();
  MutexGuard guard(directory.mutex());
  return child(name);
}

// `stale`: what the table says, if anything; it may still be right.
Result<Ref<Dentry>> Dentry::ask(const ComponentName& name, Ref<Dentry> stale) {
  Inode& directory = *inode();
  const std::uint64_t version = directory.entries_version();  // before asking: a change meanwhile makes it stale
  Result<Ref<Inode>> answer = directory.removed() ? Result<Ref<Inode>>(Error::noent) : directory.lookup(name.text);
  if (!answer && answer.error() != Error::noent) return answer.error();
  Ref<Inode> inode = answer ? std::move(*answer) : Ref<Inode>();
  if (stale) {
    if (stale->inode() == inode.get()) {
      stale->version_.store(version, std::memory_order_relaxed);
      return stale;
    }
    if (stale->unlink()) drop_below(*stale);  // nobody finds it any more: its children and it would keep each other
  }
  Ref<Dentry> fresh = TRY(create(this, name, std::move(inode)));
  fresh->version_.store(version, std::memory_order_relaxed);
  if (directory.entry_caching() != EntryCaching::never) fresh->hash_into(*this);
  return fresh;
}

// --- the table and the list of all -----------------------------------------------------------------------------------

// Whoever makes the table grow, or shrink into another one.
void Dentry::add_child(Dentry& child) {
  const payer::Scope nobody(nullptr);
  children_.insert(child);
  child.hashed_.store(true, std::memory_order_release);
}

void Dentry::remove_child(Dentry& child) {
  const payer::Scope nobody(nullptr);
  children_.remove(child);
  children_.shrink();
  child.hashed_.store(false, std::memory_order_release);
}

void Dentry::hash_into(Dentry& parent) {
  {
    // Under the lock, so that drop_below misses none, which comes after the last unmount, or when the parent has been taken
    // out of its own table.
    SpinGuard guard(parent.lock_);
    if (!parent.inode()->file_system().is_mounted()) return;
    // Below a dentry that no walk finds again, as the children of EntryCaching::never are, nothing is worth keeping: the
    // two would hold each other until the shrinker comes.
    if (!parent.is_root() && !parent.hashed_.load(std::memory_order_relaxed)) return;
    hold();
    parent.add_child(*this);
  }
  std::size_t limit;
  {
    SpinGuard guard(cache_lock);
    if (hashed_.load(std::memory_order_acquire) && !cache_node.linked()) all_cached.clock.push_back(*this);
    limit = all_cached.limit;
  }
  if (cached_count.fetch_add(1, std::memory_order_relaxed) >= limit) shrink(shrink_batch);
}

// Out of the parent's table. False: it was in none. The count that the table held is the caller's now.
bool Dentry::unhash() {
  Dentry* parent = parent_.load(std::memory_order_acquire);
  if (!parent) return false;
  {
    SpinGuard guard(parent->lock_);
    if (!hashed_.load(std::memory_order_relaxed)) return false;
    parent->remove_child(*this);
  }
  {
    SpinGuard guard(cache_lock);
    cache_node.unlink();
  }
  cached_count.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

bool Dentry::unlink() {
  unlinked_.store(true, std::memory_order_relaxed);
  if (!unhash()) return false;
  release();
  return true;
}

Result<Own<char[]>> Dentry::room_for(const ComponentName& name) {
  if (name.text.size() <= inline_name) return Own<char[]>();
  Own<char[]> room(new (std::nothrow) char[name.text.size()]);
  if (!room) return Error::nomem;
  return room;
}

void Dentry::move(Dentry& to, const ComponentName& name, Own<char[]> room) {
  const bool was_hashed = unhash();
  Own<char[]> old_room;
  Dentry* old_parent;
  to.hold();
  {
    SpinGuard guard(tree_lock);
    if (name_.text.size() > inline_name) old_room = Own<char[]>(const_cast<char*>(name_.text.data()));
    char* bytes = room ? room.release() : name_bytes_;
    std::memcpy(bytes, name.text.data(), name.text.size());
    name_ = {{bytes, name.text.size()}, name.hash};
    old_parent = parent_.exchange(&to, std::memory_order_acq_rel);
  }
  version_.store(to.inode()->entries_version(), std::memory_order_relaxed);
  hash_into(to);
  if (old_parent) old_parent->release();
  if (was_hashed) release();
}

void Dentry::exchange(Dentry& a, Dentry& b) {
  const bool a_hashed = a.unhash();
  const bool b_hashed = b.unhash();
  {
    SpinGuard guard(tree_lock);
    const bool a_long = a.name_.text.size() > inline_name;
    const bool b_long = b.name_.text.size() > inline_name;
    std::swap(a.name_bytes_, b.name_bytes_);
    std::swap(a.name_, b.name_);
    if (!b_long) a.name_.text = {a.name_bytes_, a.name_.text.size()};
    if (!a_long) b.name_.text = {b.name_bytes_, b.name_.text.size()};
    Dentry* parent = a.parent_.load(std::memory_order_relaxed);
    a.parent_.store(b.parent_.load(std::memory_order_relaxed), std::memory_order_release);
    b.parent_.store(parent, std::memory_order_release);
  }
  for (Dentry* each : {&a, &b}) {
    Dentry& parent = *each->parent_locked();
    each->version_.store(parent.inode()->entries_version(), std::memory_order_relaxed);
    each->hash_into(parent);
  }
  if (a_hashed) a.release();
  if (b_hashed) b.release();
}

// --- the shape of the tree -------------------------------------------------------------------------------------------

Ref<Dentry> Dentry::parent() const {
  SpinGuard guard(tree_lock);
  return Ref<Dentry>(parent_locked());
}

bool Dentry::is_or_is_below(const Dentry& other) const {
  SpinGuard guard(tree_lock);
  for (const Dentry* at = this; at; at = at->parent_locked())
    if (at == &other) return true;
  return false;
}

// --- the shrinker ----------------------------------------------------------------------------------------------------

// The caller holds one count; `candidate` is in no list. True: it is out of the cache.
bool Dentry::forget_if_unused(Dentry& candidate) {
  Ref<Dentry> parent = candidate.parent();
  bool gone = false;
  if (parent) {
    SpinGuard guard(parent->lock_);
    // Only with this lock held can a count be added to one that only its table (and the caller) uses.
    if (candidate.hashed_.load(std::memory_order_acquire) && candidate.parent_locked() == parent.get() &&
        candidate.count_.load(std::memory_order_acquire) == 2) {
      parent->remove_child(candidate);
      gone = true;
    }
  }
  if (gone) {
    cached_count.fetch_sub(1, std::memory_order_relaxed);
    candidate.release();
  } else {
    SpinGuard guard(cache_lock);
    if (candidate.hashed_.load(std::memory_order_acquire) && !candidate.cache_node.linked())
      all_cached.clock.push_back(candidate);
  }
  return gone;
}

std::size_t Dentry::shrink(std::size_t count) {
  std::size_t forgotten = 0;
  while (count--) {
    Ref<Dentry> candidate;
    {
      SpinGuard guard(cache_lock);
      Dentry* oldest = all_cached.clock.pop_front();
      if (!oldest) break;
      const bool used = oldest->recently_used_.exchange(false, std::memory_order_relaxed) ||
                        oldest->count_.load(std::memory_order_relaxed) > 1;
      if (used) {
        all_cached.clock.push_back(*oldest);
        continue;
      }
      candidate = Ref<Dentry>(oldest);  // in a table, which holds a count, as long as it is in the list
    }
    forgotten += forget_if_unused(*candidate);
  }
  return forgotten;
}

void Dentry::set_limit(std::size_t dentries) {
  SpinGuard guard(cache_lock);
  all_cached.limit = dentries;
}

std::size_t Dentry::cached() { return cached_count.load(std::memory_order_relaxed); }

// Takes all children out of one table after the other; `pending` are those whose own children are still to be dropped.
void Dentry::drop_below(Dentry& root) {
  Dentry* pending = nullptr;
  root.hold();
  root.next_dropped_ = nullptr;
  pending = &root;
  while (pending) {
    Dentry* directory = std::exchange(pending, pending->next_dropped_);
    Dentry* children = nullptr;
    {
      SpinGuard guard(directory->lock_);
      directory->children_.for_each([&](Dentry& child) NO_THREAD_SAFETY_ANALYSIS {
        directory->children_.remove(child);
        child.hashed_.store(false, std::memory_order_release);
        child.next_dropped_ = std::exchange(children, &child);
      });
      const payer::Scope nobody(nullptr);
      directory->children_.shrink();
    }
    while (children) {
      Dentry* child = std::exchange(children, children->next_dropped_);
      {
        SpinGuard guard(cache_lock);
        child->cache_node.unlink();
      }
      cached_count.fetch_sub(1, std::memory_order_relaxed);
      child->next_dropped_ = std::exchange(pending, child);
    }
    directory->release();
  }
}

}  // namespace cv6
