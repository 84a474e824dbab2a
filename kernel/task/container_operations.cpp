#include "task/container_operations.hpp"

#include "container/manager.hpp"
#include "task/exit.hpp"

namespace cv6 {

namespace {

// Until its last process has ended, which all of them are about to do.
void wait_until_empty(Container& container) {
  (void)container.became_empty().wait([&] { return container.process_count() == 0; }, Wait::uninterruptible);
}

}  // namespace

Result<void> view(Process& caller, Container& container) {
  if (has_joined(caller)) return Error::busy;
  const Path root = container.root();
  if (!root) return Error::srch;
  caller.fs().move_to(root, root);
  return {};
}

Result<void> destroy(UserThread& caller, Container& container) {
  if (caller.process().container().is_or_is_below(container)) return Error::busy;
  if (!caller.process().credentials().privileged()) return Error::perm;
  return destroy(container);
}

Result<void> destroy(Container& container) {
  if (!container.begin_stopping()) return Error::srch;  // somebody else is at it: for everybody but him it is gone
  // No container is made below one that is stopping, so this finds all there will ever be. Somebody may be destroying
  // one of them at the same time: then both wait for it and both take it out, which does no harm.
  int id = Container::host_id;
  while (Ref<Container> below = ContainerManager::next(container, id)) {
    (void)below->begin_stopping();
    id = below->id();
  }
  kill_everything_in(container, nullptr);
  while (Ref<Container> below = ContainerManager::innermost_below(container)) {
    wait_until_empty(*below);
    ContainerManager::remove(*below);
    below->let_go();
  }
  wait_until_empty(container);
  ContainerManager::remove(container);
  container.let_go();
  return {};
}

void destroy_if_over(Container& container) {
  if (container.lifetime() == Lifetime::until_empty && container.is_over()) (void)destroy(container);
}

}  // namespace cv6
