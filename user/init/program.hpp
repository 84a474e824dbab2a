// Executing the program of a job, and telling what is wrong with one that cannot be executed.
#pragma once

#include <string>
#include <vector>

namespace cv6::init {

// Becomes the program `name`, looked for as execvp(3) does, with these arguments. If that is impossible, it says why on
// standard error, in one line, and exits as a shell does: with status 127 if there is no such program, else 126.
[[noreturn]] void execute(const std::string& name, std::vector<std::string> arguments);

// Says "cv6: WHAT: WHY" on standard error, and exits with `status`.
[[noreturn]] void fail(const std::string& what, const std::string& why, int status);

}  // namespace cv6::init
