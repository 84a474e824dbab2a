// Programs that the driver runs: output line by line, a limit on the time, and nothing left behind.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/outcome.hpp"

namespace cv6::bench {

using host::Failure;
using host::failure;
using host::Outcome;

/// What the reader of a line wants next.
enum class Next { more, enough };

/// Gets each line of a program's standard output as soon as it is complete, without its end ("\n" or "\r\n").
using LineReader = std::function<Next(std::string_view line)>;

struct Ending {
  enum class How { exited, had_enough, too_slow };

  How how = How::exited;
  int status = 0;      ///< exit status, 128 + n for a signal; of an `exited` program only
  std::string errors;  ///< what it wrote on standard error
};

/// Runs `command` (found by PATH) with empty standard input until it ends, `reader` has had enough or `limit` is over;
/// in the last two cases it and its process group are made to end. Fails if it cannot be started, or with "interrupted"
/// if this program gets SIGINT or SIGTERM meanwhile.
Outcome<Ending> run(const std::vector<std::string>& command, std::chrono::seconds limit, const LineReader& reader);

/// The standard output of a program that must end well and soon.
Outcome<std::string> output_of(const std::vector<std::string>& command);

/// Makes SIGINT and SIGTERM end what runs, cleanly; call once, at the start.
void catch_interruptions();

/// Whether one of those signals has come. From then on run() fails.
bool interrupted();

/// The last line of `text` that is not empty: of error output, usually the one that says what is wrong.
std::string last_line(std::string_view text);

}  // namespace cv6::bench
