// The guest test program.
//
//   guest-tests [gtest options]              GoogleTest as usual, all tests in this process
//   guest-tests --isolate[=SECONDS] [...]    each test in a process of its own, killed after SECONDS (default 300);
//                                            for each a line `ok 3 ms Suite.Test` after what it says (or skipped,
//                                            FAILED, HUNG, CRASHED); the last line is `N passed, N failed`
//   guest-tests --helper NAME ARGUMENT...    a helper (see support/helper.hpp); the same under the name helper-NAME

#include <signal.h>

#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "support/check.hpp"
#include "support/helper.hpp"
#include "support/isolate.hpp"

namespace {

// The tests count on default actions and an empty mask; a shell's background job, for one, starts with SIGINT ignored.
void reset_signals() {
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) signal(signal_number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

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
  const char* slash = argc > 0 ? strrchr(argv[0], '/') : nullptr;
  const std::string_view own_name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
  if (own_name.starts_with("helper-")) {
    const HelperFunction function = find_helper(own_name.substr(7));
    return function ? function(std::span(argv + 1, argc - 1)) : 2;
  }
  reset_signals();
  testing::InitGoogleTest(&argc, argv);
  if (const int seconds = isolation_limit(argc, argv)) return run_isolated(seconds);
  return RUN_ALL_TESTS();
}
