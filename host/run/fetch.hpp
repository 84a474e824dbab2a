// Receives the files that the guest sends for --get, and unpacks them. What comes from the guest is not trusted: no
// entry is written outside the place that the user named, by `..`, an absolute path or a symbolic link.
#pragma once

#include <string>
#include <vector>

#include "run/options.hpp"

namespace cv6::host {

// Reads from the port `socket` (host/protocol) and unpacks each of `fetches` in turn. Returns what went wrong, a line
// each. Runs in a thread of its own, whose working folder it changes without changing that of others.
std::vector<std::string> receive_files(int socket, const std::vector<Fetch>& fetches);

}  // namespace cv6::host
