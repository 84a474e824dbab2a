// From where a process joined a container: what leave() brings back. Private to task/.
#pragma once

#include "container/container.hpp"
#include "fs/path.hpp"

namespace cv6 {

struct Home {
  Ref<Container> container;
  Path root, working_directory;
};

}  // namespace cv6
