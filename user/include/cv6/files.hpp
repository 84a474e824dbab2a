// The files of containers: system calls 1060 to 1069. For privileged processes above the container.
// Included by cv6/container.hpp.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace cv6 {

namespace call {
enum FilesNumber : long {
  mount_in_container = 1060,
  view_container,
  open_container_changes,
};
}  // namespace call

struct ContainerMount {
  static constexpr std::uint32_t read_only = 1;
  std::int32_t id = 0;
  std::uint32_t flags = 0;
  const char* source = nullptr;  // a file or directory, as the caller sees it
  const char* target = nullptr;  // an absolute name, as the container sees it; what is missing of it is made
};
static_assert(sizeof(ContainerMount) == 24);

// A volume: the source itself, not a copy, is seen at the target from now on, until the container is destroyed.
inline int mount_in_container(const ContainerMount& wanted) {
  return static_cast<int>(::syscall(call::mount_in_container, &wanted, sizeof wanted));
}

// The calling process sees the container's files from now on: its root and working directories become the container's
// root, and nothing else of it changes. What is open stays open; directory descriptors of before lead nowhere (EXDEV).
// With the number of the caller's own container, it is back. EBUSY: the caller has joined a container.
inline int view_container(int id) { return static_cast<int>(::syscall(call::view_container, id)); }

// A file that tells what the container's files are otherwise than those it was given: a line for each, "A PATH" (added),
// "C PATH" (changed) or "D PATH" (removed). A directory comes before what is in it. In a path a newline is written \012
// and a backslash \134. It tells of the moment of the call.
inline int open_container_changes(int id) { return static_cast<int>(::syscall(call::open_container_changes, id)); }

}  // namespace cv6
