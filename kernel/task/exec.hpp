// Running another program: execve(2). elf.hpp and script.hpp are the parts of it that only look at bytes.
#pragma once

#include <string_view>

#include "fs/path.hpp"
#include "task/argument_strings.hpp"
#include "task/user_thread.hpp"

namespace cv6 {

// The strings are all copied before anything changes. On success the registers are the new program's and the old one is
// gone; the other threads have ended. On failure nothing has changed, unless the failure came too late to go back: then
// the process ends by a signal, as on Linux.
// `program`: the file as found by the caller's walk (execve follows symlinks; execveat with its flags as well); `path` is
// what AT_EXECFN says and what a script is passed as its name.
// Error::acces, noexec, toobig, nomem, txtbsy, loop, libbad (Error::noexec here), isdir (Error::acces).
Result<void> execute(UserThread& caller, arch::UserRegisters& registers, Ref<File> program, std::string_view path,
                     ArgumentStrings arguments);

}  // namespace cv6
