// How box fails: one line `box: what: why (what to do)` and an exit status, which docker users know.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "text.hpp"

namespace cv6::box {

namespace exit_status {
inline constexpr int own_failure = 125;   // box itself failed, or was used wrongly
inline constexpr int cannot_run = 126;    // the program was found and could not be started
inline constexpr int not_found = 127;     // there is no such program
inline constexpr int signal_base = 128;   // the program ended by signal n: 128 + n
}  // namespace exit_status

class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& text, int status = exit_status::own_failure)
      : std::runtime_error(text), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

// On standard error. It may name a file or a container, whose name may have any bytes.
inline void report(const std::exception& failure) { std::fprintf(stderr, "box: %s\n", printable(failure.what()).c_str()); }

// From errno; what to do about the errors that containers have is known.
inline Failure system_failure(const std::string& what, int error = errno) {
  std::string text = what + ": " + std::strerror(error);
  if (error == EPERM) text += " (only root manages containers, on the host or where nesting is allowed)";
  if (error == ENOSYS) text += " (box needs cv6; this is another kernel)";
  return Failure(text);
}

}  // namespace cv6::box
