// Where a process is in the tree of files: its root and working directories and its umask. Shared by threads (and by
// whoever else was cloned with CLONE_FS), copied by fork. A walk with rules of its own gets a context for itself, whose
// root is the directory that the walk must not leave.
#pragma once

#include "fs/credentials.hpp"
#include "fs/path.hpp"
#include "mm/payer.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

// What a walk must not do, openat2(2)'s RESOLVE_ flags: bits of walk_rule. A process' own walks have none of them.
using WalkRules = std::uint8_t;
namespace walk_rule {
inline constexpr WalkRules same_mount = 1 << 0;          // Error::xdev where another mount begins
inline constexpr WalkRules no_magic_links = 1 << 1;      // Error::loop
inline constexpr WalkRules no_symlinks = 1 << 2;         // Error::loop
inline constexpr WalkRules beneath = 1 << 3;             // Error::xdev for what leads out of the root directory
inline constexpr WalkRules in_root = 1 << 4;             // what leads out of the root directory leads to it: chroot
inline constexpr WalkRules cached = 1 << 5;              // Error::again instead of asking a file system
inline constexpr WalkRules no_absolute_links = 1 << 6;   // Error::xdev
inline constexpr WalkRules scoped = beneath | in_root;
}  // namespace walk_rule

class FsContext : public Counted<FsContext>, public Charged<FsContext, "fs_context"> {
 public:
  static Result<Ref<FsContext>> create(Path root, Path working_directory, Mode umask = 0022,
                                       WalkRules rules = 0);
  Result<Ref<FsContext>> copy() const;  // without the rules

  Path root() const;
  Path working_directory() const;
  void set_root(Path root);                             // chroot(2), after the checks
  void set_working_directory(Path directory);           // chdir(2), after the checks
  void move_to(Path root, Path working_directory);      // both at once: join, leave
  Mode umask() const { return umask_.load(std::memory_order_relaxed); }
  Mode set_umask(Mode umask) { return umask_.exchange(umask & mode::permissions, std::memory_order_relaxed); }
  // Which tree of mounts it lives in (Mount::tree).
  std::uint64_t tree() const;

  WalkRules walk_rules() const { return rules_; }

  FsContext(Path root, Path working_directory, Mode umask, WalkRules rules);

 private:
  mutable SpinLock lock_{Rank::descriptors};
  Path root_ GUARDED_BY(lock_);
  Path working_directory_ GUARDED_BY(lock_);
  std::atomic<Mode> umask_;
  const WalkRules rules_;
};

// Who calls, and from where: what every operation on names needs.
struct Caller {
  FsContext& context;
  const Credentials& credentials;
};

// A name as the *at() calls take it: relative to a directory, or to the working directory.
struct At {
  // The directory file; null: the working directory. Not looked at if the name is absolute.
  const File* directory = nullptr;
  std::string_view name;  // shorter than path_max, without a NUL
};

}  // namespace cv6
