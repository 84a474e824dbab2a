// Copying between the machine's ports and the runner's standard input and output. Threads read and write blockingly, so
// flow control comes by itself: who writes faster than the other end reads waits. Only when the job has ended, all that
// is left of its output is taken at once, so that the machine can be switched off, and waits here until it is written.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

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

// Bytes on their way from the thread that reads them to the one that writes them.
class Backlog {
 public:
  explicit Backlog(std::size_t limit) : limit_(limit) {}
  void put(std::string_view bytes);  // waits while there are `limit` or more
  void close();                      // there will be no more
  void lift_limit();
  std::string take();  // all there are; waits for some; none: closed

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::string bytes_;
  std::size_t limit_;
  bool closed_ = false;
};

// One port's way to our standard output or error.
class OutputPump {
 public:
  // Copies from the port `socket` to `output`, in threads of its own, until the machine closes the port or `output`
  // cannot be written; `observe` sees every block first, if there is one.
  OutputPump(int socket, int output, Events events, std::function<void(std::string_view)> observe);
  // The job has ended: whatever it has written is taken now.
  void take_all() { backlog_.lift_limit(); }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] int error() const { return error_; }  // errno of what made it end, or 0
  // Waits for its threads, which end when the port is closed.
  void finish();

 private:
  void read_port(int socket);
  void write_out(int output);

  Events events_;
  std::function<void(std::string_view)> observe_;
  Backlog backlog_;
  std::atomic<bool> done_ = false;
  std::atomic<int> error_ = 0;
  std::thread reader_;
  std::thread writer_;
};

// Copies from `input` to the port `socket`, and tells the guest when the input ends.
void pump_input(int input, int socket);

}  // namespace cv6::host
