// A program in a container, run as a shell runs a job: it has the terminal while it runs, stops when ^Z says so, and its
// exit status becomes box's.
#pragma once

#include <string>
#include <vector>

namespace cv6::box {

// Starts the program, found as execvp(3) finds it but in the container's files, waits until it has ended, and returns what
// box exits with. Throws Failure if it cannot be started.
int run(int container, const std::string& hostname, const std::vector<std::string>& words);

}  // namespace cv6::box
