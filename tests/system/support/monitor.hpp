// QEMU's monitor, at the socket that `--monitor` makes: what the machine below the kernel says.
#pragma once

#include <string>

namespace cv6::test {

class Monitor {
 public:
  // Waits until QEMU listens there. Fails the test if it does not.
  explicit Monitor(const std::string& socket_path);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Gives a command; returns its answer.
  std::string command(const std::string& line);

 private:
  std::string read_to_prompt();
  int socket_ = -1;
};

}  // namespace cv6::test
