// Runs the test program of the xv6 ABI (tests/xv6) in cv6. It prints a line for each test; one that has none when the machine
// ends has failed.
#pragma once

#include "test/guest_tests.hpp"

namespace cv6::host {

// Where it runs: as a process of the host, or in a container as `box run --abi xv6` makes it.
enum class Xv6Place { host, container };

// `run.prefix`: the runner and its options; a command line for the guest's shell follows. `run.filter`: names, apart by colons,
// which may end with `*`.
void run_xv6_tests(const GuestRun& run, Xv6Place place, Tally& tally);

}  // namespace cv6::host
