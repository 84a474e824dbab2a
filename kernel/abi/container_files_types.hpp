// Structures of cv6's own calls on the files of containers. user/include/cv6/files.hpp is the same for programs.
#pragma once

#include <cstdint>

namespace cv6 {

// mount_in_container(ContainerMount*, size)
struct ContainerMount {
  static constexpr std::uint32_t read_only = 1;
  std::int32_t id;
  std::uint32_t flags;
  std::uint64_t source;  // a file or directory, as the caller sees it
  std::uint64_t target;  // an absolute name, as the container sees it
};
static_assert(sizeof(ContainerMount) == 24);

}  // namespace cv6
