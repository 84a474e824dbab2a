// What the system calls take, so that arguments can be made that get far into them.
#pragma once

#include <span>
#include <string_view>

#include "random.hpp"

namespace cv6::calls {

// One letter for each argument of a call, or field of a structure; what the letters stand for is told at Arguments::make().
struct Shape {
  long number;
  std::string_view arguments;
  std::string_view fields = {};  // of the structure that an argument `S` points to
};

// The calls that cv6 has, Linux' and its own. Numbers that are not here are tried as well, with any arguments.
std::span<const Shape> shapes();

// Calls that end, replace or stop the caller: made now and then, or nothing else would happen.
bool is_ending(long number);

// The next call to be made.
Shape choose(Random& random);

}  // namespace cv6::calls
