// Runs a GoogleTest program on the host and counts its tests one by one.
#pragma once

#include <string>
#include <vector>

#include "test/tally.hpp"

namespace cv6::host {

// `command` is the program with its arguments. One that says nothing GoogleTest-like counts as a single test, which
// its exit status decides. A program that dies fails the test it was at.
void run_google_tests(const std::string& title, const std::vector<std::string>& command, Tally& tally);

}  // namespace cv6::host
