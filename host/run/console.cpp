#include "run/console.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace cv6::host {
namespace {

constexpr char prefix = 'A' & 0x1f;
constexpr std::size_t most_pending = 1 << 16;  // typed or pasted, but not yet read by the guest

}  // namespace

KeyFilter::Result KeyFilter::filter(std::string_view& typed) {
  Result result;
  while (!typed.empty() && result.action == Action::none) {
    const char key = typed.front();
    typed.remove_prefix(1);
    if (!after_prefix_) {
      after_prefix_ = key == prefix;
      if (!after_prefix_) result.bytes += key;
      continue;
    }
    after_prefix_ = false;
    switch (key) {
      case 'x':
      case 'X':
        result.action = Action::leave;
        break;
      case 'h':
      case '?':
        result.action = Action::help;
        break;
      case prefix:
        result.bytes += prefix;
        break;
      default:
        result.bytes += {prefix, key};
    }
  }
  return result;
}

void pump_keyboard(int socket, Events& events) {
  KeyFilter keys;
  std::string pending;
  std::array<char, 4096> block;
  while (true) {
    pollfd watched[2] = {{.fd = 0, .events = POLLIN, .revents = 0}, {.fd = socket, .events = POLLOUT, .revents = 0}};
    if (pending.size() >= most_pending) watched[0].fd = -1;
    if (pending.empty()) watched[1].fd = -1;
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) break;
    if (watched[1].revents != 0) {
      const ssize_t sent = ::send(socket, pending.data(), pending.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return;  // The machine is gone.
      if (sent > 0) pending.erase(0, static_cast<std::size_t>(sent));
    }
    if (watched[0].revents == 0) continue;
    const ssize_t got = ::read(0, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    std::string_view typed(block.data(), static_cast<std::size_t>(got));
    while (!typed.empty()) {
      const KeyFilter::Result result = keys.filter(typed);
      pending += result.bytes;
      if (result.action == KeyFilter::Action::help) write_all(1, console_help);
      if (result.action == KeyFilter::Action::leave) return events.post(Events::leave);
    }
  }
  events.post(Events::leave);
}

}  // namespace cv6::host
