#pragma once
// A program of somebody else's that does its worst in a container, and what must hold whatever it does.

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/container.hpp"

namespace cv6::guest {

struct Ordeal {
  std::vector<std::string> words;  // the first one is the program's path
  uid_t user = 0;
  int seconds = 0;  // it ends by itself within this time
};

struct AfterOrdeal {
  bool in_time = false;
  Ending ending;
  bool out_of_memory = false;  // the limit on memory was in the way
  std::string output;          // of the program and of the kernel about it; the last part if it is much
};

// A program of the host runs to its end, soon.
void expect_answer();

class OrdealTest : public Containers {
 protected:
  // Runs it in a container of its own, with limits, and destroys that. Meanwhile the host answers; afterwards no kernel
  // object is left, and the host's files, mounts, name, containers and clock are as they were: the test fails if not.
  AfterOrdeal endure(const Ordeal& ordeal);
};

}  // namespace cv6::guest
