// A program whose output is read line by line, with a limit on how long it may be silent.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/outcome.hpp"

namespace cv6::host {

struct ProcessEnd {
  int status = 0;       // as waitpid(2) gives it
  bool silent = false;  // it was killed, having written nothing for too long
};

// Runs `command` with empty standard input; standard output and error come together, as lines without their end. It
// runs in a process group of its own, which is killed when the program ends or has been silent for `patience`.
Outcome<ProcessEnd> run_process(const std::vector<std::string>& command, std::chrono::seconds patience,
                                const std::function<void(std::string_view line)>& on_line);

// In a child: becomes `command`. If that cannot be, standard error is told why, and the exit status is 127, as a shell's.
[[noreturn]] void execute(const std::vector<std::string>& command);

// "exit status 1", "signal 11 (Segmentation fault)", "nothing written for too long".
std::string describe(const ProcessEnd& end);

}  // namespace cv6::host
