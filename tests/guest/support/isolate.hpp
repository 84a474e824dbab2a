#pragma once
// The runner that gives each test a process and a process group of its own, so that a crash or a hang costs one test.

namespace cv6::guest {

// The seconds of `--isolate[=SECONDS]` among the arguments, 0 without it.
int isolation_limit(int argc, char** argv);

// Runs every test that --gtest_filter selects; 0 when none failed.
int run_isolated(int seconds);

}  // namespace cv6::guest
