#pragma once
// A pseudo terminal with both ends open, for tests.

#include <termios.h>

#include <functional>
#include <string>

#include "support/child.hpp"
#include "support/descriptor.hpp"

namespace cv6::guest {

class Pty {
 public:
  enum class Mode { cooked, raw };
  explicit Pty(Mode mode = Mode::raw);
  Pty(Pty&&) = default;

  // One more open file of the slave, by its name.
  Descriptor open_slave(int flags = O_RDWR | O_NOCTTY) const { return open_file(name.c_str(), flags); }
  // A child that leads a session of which this is the terminal; it has the slave as 0, and the master closed.
  pid_t start_session(const std::function<void()>& body);

  Descriptor master, slave;
  std::string name;  // of the slave
};

// Unlocked, close-on-exec.
Descriptor open_master(int flags = 0);
std::string slave_name(int master);

// Reads until it has `size` bytes, or the end or an error came.
std::string read_bytes(int descriptor, std::size_t size);
// Reads until the text ends in `end`.
std::string read_until(int descriptor, const std::string& end);
inline std::string read_line(int descriptor) { return read_until(descriptor, "\n"); }
bool write_text(int descriptor, const std::string& text);

}  // namespace cv6::guest
