#include "fs/context.hpp"

namespace cv6 {

FsContext::FsContext(Path root, Path working_directory, Mode umask, WalkRules rules)
    : root_(std::move(root)), working_directory_(std::move(working_directory)), umask_(umask), rules_(rules) {}

Result<Ref<FsContext>> FsContext::create(Path root, Path working_directory, Mode umask, WalkRules rules) {
  return make<FsContext>(std::move(root), std::move(working_directory), umask, rules);
}

Result<Ref<FsContext>> FsContext::copy() const { return create(root(), working_directory(), umask()); }

Path FsContext::root() const {
  SpinGuard guard(lock_);
  return root_;
}

Path FsContext::working_directory() const {
  SpinGuard guard(lock_);
  return working_directory_;
}

// The old places are let go after the lock: they may be the last users of what they name.
void FsContext::set_root(Path root) {
  SpinGuard guard(lock_);
  std::swap(root_, root);
}

void FsContext::set_working_directory(Path directory) {
  SpinGuard guard(lock_);
  std::swap(working_directory_, directory);
}

void FsContext::move_to(Path root, Path working_directory) {
  SpinGuard guard(lock_);
  std::swap(root_, root);
  std::swap(working_directory_, working_directory);
}

std::uint64_t FsContext::tree() const {
  SpinGuard guard(lock_);
  return root_.mount->tree();
}

}  // namespace cv6
