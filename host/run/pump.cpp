#include "run/pump.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace cv6::host {
namespace {

constexpr std::size_t block_size = 65536;

ssize_t read_some(int descriptor, std::span<std::byte> block) {
  while (true) {
    const ssize_t got = ::read(descriptor, block.data(), block.size());
    if (got >= 0 || errno != EINTR) return got;
  }
}

}  // namespace

Outcome<Events> Events::create() {
  Descriptor handle(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!handle.open()) return system_failure("eventfd");
  return Events(std::move(handle));
}

void Events::post(Event event) {
  pending_->fetch_or(event);
  ::eventfd_write(handle_->number(), 1);
}

unsigned Events::take() {
  eventfd_t ignored = 0;
  ::eventfd_read(handle_->number(), &ignored);
  return pending_->exchange(0);
}

void pump_output(int socket, int output, OutputState& state, Events& events,
                 const std::function<void(std::string_view)>& observe) {
  std::array<std::byte, block_size> block;
  while (true) {
    const ssize_t got = read_some(socket, block);
    if (got <= 0) break;
    const auto bytes = std::span(block).first(static_cast<std::size_t>(got));
    if (observe) observe({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    state.writing = true;
    const bool written = write_all(output, bytes);
    if (!written) state.error = errno;
    state.writing = false;
    if (!written) break;
  }
  state.done = true;
  events.post(state.error ? Events::output_broken : Events::output_done);
}

void pump_input(int input, int socket) {
  std::array<std::byte, block_size> block;
  while (true) {
    const ssize_t got = read_some(input, block);
    if (got <= 0) break;
    if (!write_all(socket, std::span(block).first(static_cast<std::size_t>(got)))) return;
  }
  ::shutdown(socket, SHUT_WR);
}

}  // namespace cv6::host
