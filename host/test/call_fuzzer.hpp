// The system-call fuzzer (tests/calls), run in cv6.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "test/tally.hpp"

namespace cv6::host {

struct CallFuzzing {
  std::string title;
  std::vector<std::string> command;  // to which seed and time are added
  std::uint64_t seed = 1;
  unsigned seconds = 0;
};

// One test: that nothing breaks. Its output tells how to repeat what did.
void run_call_fuzzer(const CallFuzzing& run, Tally& tally);

}  // namespace cv6::host
