#include "channel.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace cv6::init {

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno != EINTR) return false;
    if (done > 0) bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

Channel::Channel(const char* name)
    : descriptor_(::open((std::string(protocol::port_folder) + name).c_str(), O_RDWR | O_CLOEXEC)) {}

Channel::~Channel() { close(); }

void Channel::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

bool Channel::send(protocol::Type type, std::string_view payload) const {
  return open() && write_all(descriptor_, protocol::frame(type, payload));
}

bool Channel::receive(protocol::Type& type, std::string& payload) {
  protocol::FrameHeader header;
  if (open() && read_exactly(reinterpret_cast<char*>(&header), sizeof header) &&
      header.length <= protocol::longest_frame) {
    type = header.type;
    payload.resize(header.length);
    if (read_exactly(payload.data(), payload.size())) return true;
  }
  close();
  return false;
}

bool Channel::read_exactly(char* bytes, std::size_t count) const {
  while (count > 0) {
    const ssize_t got = ::read(descriptor_, bytes, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace cv6::init
