// A person at a terminal: starts a program in a pseudo terminal, types, and waits for what appears.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <chrono>
#include <string>
#include <string_view>

#include "support/command.hpp"

namespace cv6::test {

class Console {
 public:
  // Starts `command` in a terminal of 80 columns and 24 rows.
  explicit Console(const Words& command);
  // Ends the program, if it still runs.
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void type(std::string_view keys) const;

  // Waits until `text` appears in what has been written since the last wait, and forgets all up to its end. Returns
  // what came before it; fails the test, and returns all that came, if it does not appear in time.
  std::string wait_for(std::string_view text, std::chrono::seconds limit = patience);

  // Types a command line at the prompt "cv6# " and returns what it wrote, lines ending in "\n".
  std::string command(const std::string& line, const std::string& prompt = "cv6# ");

  void resize(unsigned short columns, unsigned short rows) const;
  [[nodiscard]] termios settings() const;
  // Waits until the program has taken the terminal for itself: what is typed earlier is not its alone.
  void wait_raw() const;
  [[nodiscard]] pid_t process() const { return process_; }
  // Whether the program has been stopped by a signal; waits for that.
  bool wait_stopped() const;

  // Waits for the end, and returns the status as Completed has it.
  int wait_end();
  // Everything since the last wait_for().
  [[nodiscard]] const std::string& rest() const { return text_; }

 private:
  // Reads what is there, waiting at most until `deadline`. False if nothing more can come.
  bool take(std::chrono::steady_clock::time_point deadline);

  int terminal_ = -1;
  int other_side_ = -1;  // kept open, so that what was written last can be read after the program's end
  pid_t process_ = -1;
  std::string text_;
};

// A Console with the machine at its first prompt.
class Guest : public Console {
 public:
  explicit Guest(const Words& options = {}) : Console(runner(options)) { banner_ = wait_for("cv6# "); }
  [[nodiscard]] const std::string& banner() const { return banner_; }

 private:
  std::string banner_;
};

}  // namespace cv6::test
