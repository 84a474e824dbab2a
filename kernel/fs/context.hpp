// Where a process is in the tree of files: its root and working directories and its umask. Shared by threads (and by
// whoever else was cloned with CLONE_FS), copied by fork.
#pragma once

#include "fs/credentials.hpp"
#include "fs/path.hpp"
#include "mm/object_cache.hpp"
#include "sync/spin_lock.hpp"

namespace cv6 {

class FsContext : public Counted<FsContext>, public Cached<FsContext, "fs_context"> {
 public:
  static Result<Ref<FsContext>> create(Path root, Path working_directory, Mode umask = 0022);
  Result<Ref<FsContext>> copy() const;

  Path root() const;
  Path working_directory() const;
  void set_root(Path root);                             // chroot(2), after the checks
  void set_working_directory(Path directory);           // chdir(2), after the checks
  void move_to(Path root, Path working_directory);      // both at once: join, leave
  Mode umask() const { return umask_.load(std::memory_order_relaxed); }
  Mode set_umask(Mode umask) { return umask_.exchange(umask & mode::permissions, std::memory_order_relaxed); }
  // Which tree of mounts it lives in (Mount::tree).
  std::uint64_t tree() const;

  FsContext(Path root, Path working_directory, Mode umask);

 private:
  mutable SpinLock lock_{Rank::descriptors};
  Path root_ GUARDED_BY(lock_);
  Path working_directory_ GUARDED_BY(lock_);
  std::atomic<Mode> umask_;
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
