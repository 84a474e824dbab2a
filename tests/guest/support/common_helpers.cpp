// Helpers that tests of several areas run.

#include <unistd.h>

#include "support/helper.hpp"

namespace cv6::guest {
namespace {

// Reads standard input to its end, then exits with 0.
const Helper read_to_end{"read-to-end", [](std::span<char*>) {
                           char buffer[64];
                           ssize_t length;
                           do length = read(STDIN_FILENO, buffer, sizeof buffer);
                           while (length > 0);
                           return length == 0 ? 0 : 1;
                         }};

}  // namespace
}  // namespace cv6::guest
