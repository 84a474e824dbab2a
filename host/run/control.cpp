#include "run/control.hpp"

#include <sys/socket.h>

#include <print>

namespace cv6::host {

bool receive_frame(int socket, protocol::Type& type, std::string& payload) {
  protocol::FrameHeader header{};
  if (read_full(socket, std::as_writable_bytes(std::span(&header, 1))) != sizeof header) return false;
  if (header.length > protocol::longest_frame) return false;
  type = header.type;
  payload.resize(header.length);
  return read_full(socket, std::as_writable_bytes(std::span(payload))) == static_cast<ssize_t>(payload.size());
}

bool Control::send(protocol::Type type, const std::string& payload) const {
  return write_all(socket_, protocol::frame(type, payload));
}

void Control::send_window(const protocol::Window& window) const {
  const std::string frame = protocol::frame(protocol::Type::window, protocol::encode(window));
  ::send(socket_, frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Control::receive() {
  protocol::Type type{};
  std::string payload;
  while (receive_frame(socket_, type, payload)) handle(type, payload);
}

void Control::handle(protocol::Type type, std::string_view payload) {
  switch (type) {
    case protocol::Type::ready:
      ready_ = true;
      break;
    case protocol::Type::message:
      std::println(stderr, "cv6: in the guest: {}\r", payload);
      break;
    case protocol::Type::ended: {
      protocol::Ending ending{};
      if (!protocol::decode(payload, ending)) break;
      const std::scoped_lock hold(lock_);
      ending_ = ending;
      events_.post(Events::ended);
      break;
    }
    default:
      break;  // A guest that is newer than we are may say more.
  }
}

std::optional<protocol::Ending> Control::ending() const {
  const std::scoped_lock hold(lock_);
  return ending_;
}

}  // namespace cv6::host
