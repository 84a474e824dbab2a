// The runner's side of the control port (host/protocol).
#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "protocol/protocol.hpp"
#include "run/pump.hpp"

namespace cv6::host {

class Control {
 public:
  // `socket` is borrowed.
  Control(int socket, Events& events) : socket_(socket), events_(events) {}

  // Waits until the guest reads, if there is much to send. False when the machine is gone.
  bool send(protocol::Type type, const std::string& payload) const;
  // Does not wait: the size is given up if the guest does not read.
  void send_window(const protocol::Window& window) const;

  // Takes what the guest says until the machine closes the port. Messages for the user are printed.
  void receive();

  // Once Events::ended has been posted.
  [[nodiscard]] std::optional<protocol::Ending> ending() const;
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  void handle(protocol::Type type, std::string_view payload);

  int socket_;
  Events& events_;
  std::atomic<bool> ready_ = false;
  mutable std::mutex lock_;  // covers ending_
  std::optional<protocol::Ending> ending_;
};

// One frame from `socket`, which another thread may close. False at the end, or if what comes is not a frame.
bool receive_frame(int socket, protocol::Type& type, std::string& payload);

}  // namespace cv6::host
