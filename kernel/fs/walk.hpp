// Path walk, path_resolution(7): from a name to a place.
//
// A Walk object holds what one walk needs: current place, how many symbolic links were followed, and the buffer
// that keeps what is left of the name when a link's target has been put in front of it. Cached components cost no
// allocation, no file-system call and one short lock each.
//
// Errors: noent (also for an empty name), notdir, acces, loop (more than symlinks_max links), nametoolong, xdev (the name
// leads out of the caller's tree of mounts: see fs/mount.hpp), nomem, and what a file system reports. The rules of a
// context (fs/context.hpp) add theirs; they are looked at where a walk leaves the plain way down: others do not pay.
#pragma once

#include "fs/context.hpp"
#include "fs/path.hpp"

namespace cv6 {

enum class Follow : std::uint8_t { no, yes };  // the last component, if it is a symlink

// What the last component is.
enum class LastKind : std::uint8_t { name, dot, dot_dot, root };

class Walk {
 public:
  explicit Walk(const Caller& caller) : caller_(caller) {}

  // The existing object that `at` names: afterwards object(). A trailing slash demands a directory.
  Result<void> to_object(const At& at, Follow follow);
  Path& object() { return at_; }

  // Up to but not including the last component, for making, removing and renaming: afterwards parent(), last(), kind().
  Result<void> to_parent(const At& at);
  const Path& parent() const { return at_; }
  const ComponentName& last() const { return last_; }  // valid while the Walk and the name given exist
  LastKind kind() const { return kind_; }
  bool trailing_slash() const { return trailing_slash_; }

  // After to_parent: the last component turned out to be the symlink `link`; goes to the parent of what that leads to.
  // For open(O_CREAT). A magic link leads to an object: then `object` is set and there is no last component.
  Result<void> follow_last(Inode& link, Path& object);
  // To the parent directory of where the walk is: what `..` does.
  Result<void> step_up();
  // As enter_mounts() in fs/path.hpp, if the walk may.
  Result<void> step_into_mounts(Path& path) const;

 private:
  enum class Until : std::uint8_t { end, last };
  Result<void> begin(const At& at);
  Result<void> run(Until until, Follow follow);
  Result<void> step_into(const ComponentName& name, Follow follow);
  Result<void> step_up_by_rules(WalkRules rules);
  Result<void> follow_link(Inode& link);
  Result<void> search_permission(const Inode& directory) const;
  Result<Path> follow_magic(Inode& link);

  Caller caller_;
  Path at_;
  const char* rest_ = nullptr;  // what is left of the name: [rest_, end_)
  const char* end_ = nullptr;
  ComponentName last_;
  LastKind kind_ = LastKind::root;
  bool trailing_slash_ = false;
  unsigned links_followed_ = 0;
  Own<char[]> buffer_;
};

}  // namespace cv6
