// The two halves of execve(2), for those that make processes from nothing: a program is prepared while everything can
// still fail, and installed by the thread that is to run it. Private to task/.
#pragma once

#include "task/program_image.hpp"

namespace cv6 {

// For `process` (whose limits and container count), found and mapped as `caller` sees the files.
Result<ProgramImage> prepare_program(Process& process, const Caller& caller, Ref<File> file, std::string_view path,
                                     ArgumentStrings& arguments);
// By a thread of the process. An error: nothing has changed. What goes wrong too late for that kills the process.
Result<void> install_program(UserThread& thread, arch::UserRegisters& registers, ProgramImage& image,
                             const ArgumentStrings& arguments, std::string_view path);

}  // namespace cv6
