// Running the runner, or another program of the host, as a script does: standard input given, output and error apart.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace cv6::test {

using Words = std::vector<std::string>;

struct Completed {
  int status = -1;  // the exit status, or 128+n for a signal; -1 if it was killed because it took too long
  std::string output;
  std::string error;
};

inline constexpr std::chrono::seconds patience{90};  // far more than anything here takes

// Runs `command` to its end.
Completed run_program(const Words& command, const std::string& input = "", std::chrono::seconds limit = patience);

// The runner of this build with `options`; CV6_TEST_OPTIONS in the environment adds to them, for trying these tests
// against another kernel.
Words runner(const Words& options = {});

// Boots with `options`, runs `command`, returns what came of it.
Completed run_guest(const Words& options, const Words& command, const std::string& input = "");
// The same with a command line for the guest's shell.
Completed run_shell(const std::string& command_line, const std::string& input = "");

// Folders of the build, and of the sources.
std::string build_folder();
std::string source_folder();

}  // namespace cv6::test
