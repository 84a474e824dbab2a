// Copying between the machine's ports and the runner's standard input and output. Each direction is a thread that
// reads and writes blockingly, so flow control comes by itself: who writes faster than the other end reads waits.
// Nothing is buffered but one block per direction, and the sockets.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

#include "common/files.hpp"

namespace cv6::host {

// What the threads of a session tell its main loop.
class Events {
 public:
  static Outcome<Events> create();

  enum Event : unsigned {
    ended = 1,         // the guest has told how the job ended
    leave = 2,         // the user wants to leave the console
    output_done = 4,   // a pump of output has passed on everything
    output_broken = 8  // nobody reads our output any more
  };
  void post(Event event);
  // The events since the last call; handle() is readable when there are any.
  unsigned take();
  [[nodiscard]] int handle() const { return handle_->number(); }

 private:
  explicit Events(Descriptor handle) : handle_(std::make_shared<Descriptor>(std::move(handle))) {}
  std::shared_ptr<Descriptor> handle_;
  std::shared_ptr<std::atomic<unsigned>> pending_ = std::make_shared<std::atomic<unsigned>>(0);
};

// How a pump of output stands, for the main loop.
struct OutputState {
  std::atomic<bool> done = false;
  std::atomic<bool> writing = false;  // perhaps for long, if nobody reads
  std::atomic<int> error = 0;         // errno of what made it end
};

// Copies from the port `socket` to `output` until the machine closes the port or `output` cannot be written; sees
// every block through `observe` first, if there is one.
void pump_output(int socket, int output, OutputState& state, Events& events,
                 const std::function<void(std::string_view)>& observe = {});

// Copies from `input` to the port `socket`, and tells the guest when the input ends.
void pump_input(int input, int socket);

}  // namespace cv6::host
