#include "run/pump.hpp"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

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

void Backlog::put(std::string_view bytes) {
  std::unique_lock hold(lock_);
  changed_.wait(hold, [this] { return bytes_.size() < limit_; });
  bytes_ += bytes;
  changed_.notify_all();
}

void Backlog::close() {
  const std::scoped_lock hold(lock_);
  closed_ = true;
  changed_.notify_all();
}

void Backlog::lift_limit() {
  const std::scoped_lock hold(lock_);
  limit_ = std::string::npos;
  changed_.notify_all();
}

std::string Backlog::take() {
  std::unique_lock hold(lock_);
  changed_.wait(hold, [this] { return closed_ || !bytes_.empty(); });
  std::string taken = std::exchange(bytes_, {});
  changed_.notify_all();
  return taken;
}

OutputPump::OutputPump(int socket, int output, Events events, std::function<void(std::string_view)> observe)
    : events_(std::move(events)), observe_(std::move(observe)), backlog_(block_size) {
  reader_ = std::thread([this, socket] { read_port(socket); });
  writer_ = std::thread([this, output] { write_out(output); });
}

void OutputPump::read_port(int socket) {
  std::array<std::byte, block_size> block;
  for (ssize_t got = 0; (got = read_some(socket, block)) > 0;) {
    const std::string_view bytes(reinterpret_cast<const char*>(block.data()), static_cast<std::size_t>(got));
    if (observe_) observe_(bytes);
    backlog_.put(bytes);
  }
  backlog_.close();
}

void OutputPump::write_out(int output) {
  for (std::string bytes; error_ == 0 && !(bytes = backlog_.take()).empty();) {
    if (!write_all(output, bytes)) error_ = errno;
  }
  backlog_.lift_limit();  // The reader must not wait for a writer that is gone.
  done_ = true;
  events_.post(error_ ? Events::output_broken : Events::output_done);
}

void OutputPump::finish() {
  reader_.join();
  writer_.join();
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
