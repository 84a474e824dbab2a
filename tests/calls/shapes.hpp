// What the system calls take, so that arguments can be made that get far into them.
#pragma once

#include <string_view>

#include "random.hpp"

namespace cv6::calls {

// One letter for each argument of a call, or field of a structure; what the letters stand for is told at Arguments::make().
struct Shape {
  long number;
  std::string_view arguments;
  std::string_view fields = {};  // of the structure that an argument `S` points to
};

// The next call to be made: one that cv6 has, of Linux' or its own; now and then any number, with any arguments. Calls that end,
// replace or stop the caller are rare, or nothing else would happen.
Shape choose(Random& random);

}  // namespace cv6::calls
