#include "fs/cow/changes.hpp"

#include <cstring>

#include "fs/cow/inodes.hpp"
#include "sched/pace.hpp"

namespace cv6::cow {

namespace {

constexpr unsigned names_between_yields = 64;

// The one next name of a directory, whatever makes it.
class NextName final : public DirectorySink {
 public:
  bool entry(std::string_view name, std::uint64_t, FileType, std::uint64_t next) override {
    if (found_) return false;
    size_ = name.size();
    std::memcpy(bytes_, name.data(), size_);
    next_ = next;
    return found_ = true;
  }
  // False: there are no more.
  Result<bool> find(Inode& directory, std::uint64_t& position) {
    found_ = false;
    MutexGuard guard(directory.mutex());
    std::uint64_t from = position;
    TRY(directory.iterate(from, *this));
    if (found_) position = next_;
    return found_;
  }
  std::string_view name() const { return {bytes_, size_}; }

 private:
  char bytes_[name_max];
  std::size_t size_ = 0;
  std::uint64_t next_ = 0;
  bool found_ = false;
};

// Null: there is no such name.
Result<Ref<Inode>> look_up(Inode& directory, std::string_view name) {
  MutexGuard guard(directory.mutex());
  auto found = directory.lookup(name);
  if (!found && found.error() == Error::noent) return Ref<Inode>();
  return found;
}

bool is_directory(const Ref<Inode>& inode) { return inode && inode->is_directory(); }
bool stands_for(const Ref<Inode>& inode, const Ref<Inode>& below) { return part_of(*inode).lower == below; }

// Compares directories of a view with what is seen below the view at the same path, without recursion: `stack_` has a
// level for each directory on the way down.
class Comparison {
 public:
  explicit Comparison(ChangeSink& sink) : sink_(sink) {}
  Result<void> run(Ref<Inode> root, std::string_view prefix);

 private:
  enum class Pass : std::uint8_t {
    own_entries,   // the directory stands for the one below: only what is its own can differ
    shown_names,   // it is another one: everything in it
    missing_names  // and everything that was in the one below
  };
  struct Level {
    Ref<Inode> shown;
    Ref<Inode> below;  // null: there is no directory
    Pass pass;
    bool told;         // that it has changed
    std::uint64_t position = Inode::first_position;
    std::size_t path_size = 0;
  };

  Result<bool> step(Level& level);
  Result<void> compare(std::string_view name, Ref<Inode> shown, Ref<Inode> below);
  Result<void> compare_directories(std::string_view name, Ref<Inode> shown, Ref<Inode> below);
  Result<void> add_level(std::string_view name, Level level);
  Result<void> tell(ChangeKind kind, std::string_view name);
  Result<void> tell_directories_above();
  Result<void> set_path(std::size_t base, std::string_view name);

  ChangeSink& sink_;
  Vector<Level> stack_;
  Vector<char> path_;
  NextName next_;
};

Result<void> Comparison::set_path(std::size_t base, std::string_view name) {
  TRY(path_.resize(base + 1 + name.size()));
  path_[base] = '/';
  std::memcpy(path_.data() + base + 1, name.data(), name.size());
  return {};
}

// What has changed in a directory changes the directories above.
Result<void> Comparison::tell_directories_above() {
  for (Level& level : stack_) {
    if (std::exchange(level.told, true)) continue;
    TRY(sink_.change(ChangeKind::changed, {path_.data(), level.path_size}));
  }
  return {};
}

Result<void> Comparison::tell(ChangeKind kind, std::string_view name) {
  TRY(tell_directories_above());
  TRY(set_path(stack_.back().path_size, name));
  return sink_.change(kind, {path_.data(), path_.size()});
}

Result<void> Comparison::add_level(std::string_view name, Level level) {
  TRY(set_path(stack_.back().path_size, name));
  level.path_size = path_.size();
  return stack_.push_back(std::move(level));
}

Result<void> Comparison::compare_directories(std::string_view name, Ref<Inode> shown, Ref<Inode> below) {
  const bool same = stands_for(shown, below);
  const bool told = !same || shown->is_own();
  if (told) TRY(tell(ChangeKind::changed, name));
  return add_level(name, {std::move(shown), std::move(below), same ? Pass::own_entries : Pass::shown_names, told});
}

// `shown` or `below` may be null.
Result<void> Comparison::compare(std::string_view name, Ref<Inode> shown, Ref<Inode> below) {
  if (!shown) return below ? tell(ChangeKind::removed, name) : Result<void>();
  if (is_directory(shown) && is_directory(below)) return compare_directories(name, std::move(shown), std::move(below));
  if (below && !shown->is_directory() && stands_for(shown, below) && !shown->is_own()) return {};
  TRY(tell(below ? ChangeKind::changed : ChangeKind::added, name));
  if (!shown->is_directory()) return {};
  return add_level(name, {std::move(shown), nullptr, Pass::shown_names, true});
}

// The next name of a directory. False: there are no more in this pass.
Result<bool> Comparison::step(Level& level) {
  const Ref<Inode> below = level.below;  // levels move when one is added
  Ref<Inode> shown;
  if (level.pass == Pass::own_entries) {
    CopiedEntry entry;
    if (!copy_next(static_cast<Directory&>(*level.shown), level.position, entry)) return false;
    level.position = entry.cookie + 1;
    TRY(compare(entry.name(), std::move(entry.inode), TRY(look_up(*below, entry.name()))));
    return true;
  }
  if (!TRY(next_.find(level.pass == Pass::shown_names ? *level.shown : *below, level.position))) return false;
  shown = TRY(look_up(*level.shown, next_.name()));
  if (level.pass == Pass::missing_names) {
    if (!shown) TRY(tell(ChangeKind::removed, next_.name()));
  } else if (shown) {
    TRY(compare(next_.name(), std::move(shown), below ? TRY(look_up(*below, next_.name())) : Ref<Inode>()));
  }
  return true;
}

Result<void> Comparison::run(Ref<Inode> root, std::string_view prefix) {
  if (!root->is_directory()) return root->is_own() ? sink_.change(ChangeKind::changed, prefix) : Result<void>();  // a volume
  TRY(path_.resize(prefix.size()));
  if (!prefix.empty()) std::memcpy(path_.data(), prefix.data(), prefix.size());
  Level top{root, part_of(*root).lower, Pass::own_entries, prefix.empty()};
  top.path_size = prefix.size();
  TRY(stack_.push_back(std::move(top)));
  if (!prefix.empty() && root->is_own()) TRY(tell_directories_above());
  for (sched::Pace pace(names_between_yields); !stack_.empty(); pace.step()) {
    Level& level = stack_.back();
    if (TRY(step(level))) continue;
    if (level.pass == Pass::shown_names && level.below) {
      level.pass = Pass::missing_names;
      level.position = Inode::first_position;
    } else {
      stack_.pop_back();
    }
  }
  return {};
}

}  // namespace

Result<void> list_changes(const Path& root, const GuestMemory& owner, ChangeSink& sink) {
  Own<char[]> text(new (std::nothrow) char[path_max]);
  if (!text) return Error::nomem;
  return root.mount->for_each_in_tree([&](Mount& mount) -> Result<void> {
    ViewFileSystem* view = mount.file_system().as_view();
    if (!view || view->meter().owner().get() != &owner) return {};
    if (!mount.root().is_root()) return {};  // a part of a view, seen at one more place: told at its own
    std::string_view prefix;
    if (root.mount != &mount) {
      const Path place = mount.attached_at();
      if (!place) return {};
      const PathText at = TRY(path_text(place, root, {text.get(), path_max}));
      if (!at.reachable) return {};
      prefix = at.text;
    }
    return Comparison(sink).run(Ref<Inode>(mount.root().inode()), prefix);
  });
}

}  // namespace cv6::cow
