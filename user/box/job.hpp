// A program in a container. In the foreground it is run as a shell runs a job: it has the terminal while it runs, stops when
// ^Z says so, and its exit status becomes box's.
#pragma once

#include "configuration.hpp"
#include "containers.hpp"

namespace cv6::box {

// The program is found as execvp(3) finds it, but in the container's files. Throws Failure if it cannot be started.

// Waits until it has ended, and returns what box exits with. Logged: what it prints goes to the container's console as well.
enum class Output { direct, logged };
int run(const ContainerStat& container, const Program& program, Output output);

// Its output goes to the container's console only; there is nothing for it to read. With a terminal of its own, that is the
// console, and `box attach` leads to it.
void start_detached(const ContainerStat& container, const Program& program);

// Signals that somebody sends to box are meant for this process from now on.
void pass_signals_on_to(pid_t process);

// From a status as wait(2) has it.
int exit_status_of(int status);

}  // namespace cv6::box
