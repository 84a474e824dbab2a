// The host's part: containers in which calls are made, one a round, and what is looked at after each.
#pragma once

#include <cstdint>
#include <string>

namespace cv6::calls {

struct Plan {
  std::uint64_t seed = 1;
  std::uint64_t first_round = 0;  // the rounds before it are left out
  std::uint64_t rounds = UINT64_MAX;
  unsigned seconds = 10;          // no round begins later
  std::string program;            // this one, and
  std::string xv6_program;        // the one that does the same for the other ABI; empty: only Linux' calls
};

// True when nothing broke; says what it does and what it finds on standard output.
bool run_rounds(const Plan& plan);

}  // namespace cv6::calls
