// Runs the guest test program (tests/guest), on this computer's Linux or in cv6. If the machine dies or hangs under a
// test, that test has failed and the others go on in a new machine.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "test/tally.hpp"

namespace cv6::host {

struct GuestRun {
  std::string title;
  std::string program;              // the program on this computer, which is asked for the list of its tests
  std::vector<std::string> prefix;  // what to run it with: the runner and its options, and the program's name inside
  std::string filter;               // GoogleTest's; empty: all
  std::chrono::seconds test_limit{60};  // for one test, kept by the program itself
};

void run_guest_tests(const GuestRun& run, Tally& tally);

}  // namespace cv6::host
