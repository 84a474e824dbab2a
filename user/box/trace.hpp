// `box trace`: the system calls of a container as strace(1) shows those of a process.
#pragma once

#include <string>

namespace cv6::box {

struct TraceOptions {
  bool summary = false;  // -c: a table when the container is empty, or at ^C
  bool times = false;    // -t
  bool past = false;     // what the log has; nothing is waited for, nothing is switched on
  std::string output;    // -o; else standard output
};
// Until the container is empty or gone, or ^C. Returns the exit status; throws Failure.
int trace(const std::string& container, const TraceOptions& options);

}  // namespace cv6::box
