// The keyboard of an interactive console: every byte goes to the guest, except the runner's own keys behind Ctrl-A.
#pragma once

#include <string>
#include <string_view>

#include "run/pump.hpp"

namespace cv6::host {

// Tells the runner's keys apart. Ctrl-A x leaves, Ctrl-A h helps, Ctrl-A Ctrl-A is one Ctrl-A; after any other key
// both go to the guest.
class KeyFilter {
 public:
  enum class Action { none, leave, help };
  struct Result {
    std::string bytes;  // for the guest
    Action action = Action::none;
  };
  // Stops at a key with an action; `typed` is advanced behind it.
  Result filter(std::string_view& typed);

 private:
  bool after_prefix_ = false;
};

inline constexpr std::string_view console_help =
    "\r\n[cv6: Ctrl-A x leaves, Ctrl-A Ctrl-A types one Ctrl-A, Ctrl-A h shows this]\r\n";

// Copies from standard input to the port `socket` until the terminal is gone or the user leaves, either of which is
// posted as Events::leave. Goes on listening for the runner's keys while the guest does not read.
void pump_keyboard(int socket, Events& events);

}  // namespace cv6::host
