// Frames of host/protocol over a port of the machine. A Channel owns its descriptor.
#pragma once

#include <string>
#include <string_view>

#include "protocol/protocol.hpp"

namespace cv6::init {

// Writes all of `bytes`; false if that is impossible.
bool write_all(int descriptor, std::string_view bytes);

class Channel {
 public:
  // Opens the port `name`. Not open() afterwards if the machine has no such port.
  explicit Channel(const char* name);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  [[nodiscard]] bool open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  // On a channel that is not open these do nothing and fail.
  bool send(protocol::Type type, std::string_view payload) const;
  // Waits for the next frame. False at the end or if what comes is not a frame; the channel is closed then.
  bool receive(protocol::Type& type, std::string& payload);

 private:
  bool read_exactly(char* bytes, std::size_t count) const;
  void close();

  int descriptor_;
};

}  // namespace cv6::init
