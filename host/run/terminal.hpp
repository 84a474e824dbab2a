// The user's terminal while it is the guest's console: every key goes to the guest as it is, every byte of the guest
// to the terminal. The former settings come back when the object goes, when the runner is stopped and when it crashes.
#pragma once

#include <optional>
#include <string_view>

#include "common/outcome.hpp"
#include "protocol/protocol.hpp"

namespace cv6::host {

class Terminal {
 public:
  // Takes the terminal that is standard input.
  static Outcome<Terminal> take();
  Terminal(Terminal&& other) noexcept : taken_(std::exchange(other.taken_, false)) {}
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal() { give_back(); }

  // Around a stop of the runner (SIGTSTP): the user's shell gets the terminal as it was.
  void give_back();
  void take_again();

  // Nothing if the terminal does not know its size.
  static std::optional<protocol::Window> window();

 private:
  Terminal() = default;
  bool taken_ = true;
};

// Follows what a full-screen program in the guest does to the terminal, so that it can be undone when the machine ends
// in its midst.
class ScreenState {
 public:
  void follow(std::string_view output);
  // What brings the terminal back to showing text, at most some bytes that do nothing.
  [[nodiscard]] std::string_view undo() const;
  // The last line has no end yet: a prompt, mostly.
  [[nodiscard]] bool in_line() const { return in_line_; }

 private:
  void follow_byte(char byte);

  bool in_line_ = false;
  bool alternate_ = false;  // the second screen, without scrolling, that vi and less use
  std::size_t matched_ = 0;
};

}  // namespace cv6::host
