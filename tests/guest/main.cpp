// The guest test program.
//
//   guest-tests [gtest options]              GoogleTest as usual, all tests in this process
//   guest-tests --isolate[=SECONDS] [...]    each test in a process of its own, killed after SECONDS (default 300);
//                                            one line per test, the last line is `N passed, N failed`
//   guest-tests --helper NAME ARGUMENT...    a helper (see support/helper.hpp)

#include <cstdio>
#include <cstring>
#include <span>

#include "support/check.hpp"
#include "support/helper.hpp"
#include "support/isolate.hpp"

int main(int argc, char** argv) {
  using namespace cv6::guest;
  if (argc >= 3 && strcmp(argv[1], "--helper") == 0) {
    const HelperFunction function = find_helper(argv[2]);
    if (!function) {
      fprintf(stderr, "guest-tests: no helper %s\n", argv[2]);
      return 2;
    }
    return function(std::span(argv + 3, argc - 3));
  }
  testing::InitGoogleTest(&argc, argv);
  if (const int seconds = isolation_limit(argc, argv)) return run_isolated(seconds);
  return RUN_ALL_TESTS();
}
