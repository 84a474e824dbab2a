#include "task/container_operations.hpp"

#include "container/manager.hpp"
#include "task/exit.hpp"

namespace cv6 {

Result<void> destroy(UserThread& caller, Container& container) {
  if (caller.process().container().is_or_is_below(container)) return Error::busy;
  if (!caller.process().credentials().privileged()) return Error::perm;
  if (!container.begin_stopping()) return Error::srch;  // somebody else is at it: for everybody but him it is gone
  // No container is made below one that is stopping, so this finds all there will ever be.
  int id = Container::host_id;
  while (Ref<Container> below = ContainerManager::next(container, id)) {
    (void)below->begin_stopping();
    id = below->id();
  }
  kill_everything_in(container, Await::yes);
  while (Ref<Container> below = ContainerManager::next(container, Container::host_id)) {
    ContainerManager::remove(*below);
    below->let_go();
  }
  ContainerManager::remove(container);
  container.let_go();
  return {};
}

}  // namespace cv6
