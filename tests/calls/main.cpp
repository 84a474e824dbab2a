// The system-call fuzzer: runs on the host of cv6, and in containers that it makes.
//
//   call-fuzz [--seed N] [--first ROUND] [--rounds M] [--seconds S] [--xv6 PROGRAM]
//
// A round makes a container with limits, in which processes of both ABIs make calls with all kinds of arguments, and ends it.
// After each round the host must answer, the counters of kernel objects must be what they were, and nothing of the host may
// have changed. The same seed makes the same calls; what several processors make of them is their affair. The last line
// begins with `seed` when nothing broke, and the exit status is 0.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "rounds.hpp"
#include "worker.hpp"

int main(int count, char** arguments) {
  using namespace cv6::calls;
  Plan plan;
  char program[4096] = {};
  if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return 2;
  plan.program = program;
  for (int i = 1; i + 1 < count; i += 2) {
    const char* value = arguments[i + 1];
    const unsigned long number = std::strtoul(value, nullptr, 0);
    const auto is = [&](const char* name) { return std::strcmp(arguments[i], name) == 0; };
    if (is("--inside")) keep_calling(number);
    if (is("--seed")) plan.seed = number;
    if (is("--first")) plan.first_round = number;
    if (is("--rounds")) plan.rounds = number;
    if (is("--seconds")) plan.seconds = static_cast<unsigned>(number);
    if (is("--xv6")) plan.xv6_program = value;
  }
  return run_rounds(plan) ? 0 : 1;
}
