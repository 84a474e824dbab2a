#include "progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <print>

namespace cv6::bench {

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::string_view system, std::string_view activity) {
  if (terminal_) std::print(stderr, "\r\033[K{}: {}", system, activity);
}

void Progress::clear() {
  if (terminal_) std::print(stderr, "\r\033[K");
}

}  // namespace cv6::bench
