#pragma once
// Helpers: small programs inside this program, for tests that need an exec. `guest-tests --helper NAME ARGUMENT...`
// runs the function registered as NAME and exits with its result, without starting GoogleTest.

#include <span>
#include <string_view>

namespace cv6::guest {

using HelperFunction = int (*)(std::span<char*> arguments);

// Registers a helper during static initialisation: `const Helper echo{"echo", [](auto arguments) { ... }};`
struct Helper {
  Helper(std::string_view name, HelperFunction function);
  std::string_view name;
  HelperFunction function;
  const Helper* next;
};

// The function of that name, or null.
HelperFunction find_helper(std::string_view name);

}  // namespace cv6::guest
