// /dev/virtio-ports/NAME: the ports of dev/port.hpp as files.
#include <algorithm>

#include "dev/port.hpp"
#include "fs/device.hpp"
#include "mm/payer.hpp"

namespace cv6 {

namespace {

constexpr std::uint32_t port_major = 240;  // of the range for local use
constexpr std::uint32_t ports_max = 64;
constinit Port* port_table[ports_max];  // by minor number
constinit std::uint32_t port_count = 0;

// Bytes go through a buffer, because a port takes kernel memory only. What has been read from the port and could not be
// handed on (a bad address) waits there for the next read.
class PortFile final : public File, public Charged<PortFile, "port_file"> {
 public:
  static constexpr std::size_t buffer_size = page_size;
  PortFile(Ref<Inode> node, Port& port, Own<char[]> input, Own<char[]> output)
      : File(std::move(node), Positions::none), port_(port), input_(std::move(input)), output_(std::move(output)) {}

  PollEvents poll(PollWaiters* waiters) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t offset) override;
  Result<std::size_t> do_write(IoBuffer& from, std::uint64_t offset, std::uint64_t size_limit) override;

 private:
  Result<std::size_t> write_piece(IoBuffer& from);

  Port& port_;  // lives forever
  Mutex reading_;
  Mutex writing_;
  Own<char[]> input_;
  Own<char[]> output_;
  std::atomic<std::size_t> first_{0}, end_{0};  // what waits in input_; changed under reading_
};

Result<std::size_t> PortFile::do_read(IoBuffer& to, std::uint64_t) {
  if (to.empty()) return 0;
  while (true) {
    {
      MutexGuard guard(reading_);
      if (first_ == end_) {
        const Result<std::size_t> count = port_.read({input_.get(), std::min(buffer_size, to.remaining())});
        if (!count && count.error() != Error::again) return count;
        if (count && *count == 0) return 0;
        first_ = 0;
        end_ = count ? *count : 0;
      }
      if (first_ != end_) {
        const std::size_t moved = TRY(to.put(input_.get() + first_, end_ - first_));
        first_ += moved;
        return moved;
      }
    }
    if (nonblocking()) return Error::again;
    if (!port_.became_readable.wait([this] { return port_.readable(); })) return Error::restart_if_asked;
  }
}

// What the port takes now of one buffer full. Error::again: nothing.
Result<std::size_t> PortFile::write_piece(IoBuffer& from) {
  MutexGuard guard(writing_);
  const std::size_t size = TRY(from.take(output_.get(), std::min(buffer_size, from.remaining())));
  const Result<std::size_t> count = port_.write({output_.get(), size});
  from.give_back(size - (count ? *count : 0));
  return count;
}

Result<std::size_t> PortFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  std::size_t total = 0;
  while (!from.empty()) {
    const Result<std::size_t> count = write_piece(from);
    if (count) {
      total += *count;
      continue;
    }
    if (count.error() != Error::again || nonblocking()) return total ? Result<std::size_t>(total) : count;
    if (!port_.became_writable.wait([this] { return port_.writable(); }))
      return total ? Result<std::size_t>(total) : Error::restart_if_asked;
  }
  return total;
}

PollEvents PortFile::poll(PollWaiters* waiters) {
  if (waiters) {
    waiters->watch(port_.became_readable);
    waiters->watch(port_.became_writable);
  }
  PollEvents events = 0;
  if (first_ != end_ || port_.readable()) events |= poll_event::readable;
  if (port_.writable()) events |= poll_event::writable;
  if (!port_.other_end_open()) events |= poll_event::hang_up;
  return events;
}

Result<Ref<File>> open_port(Inode& node, OpenFlags, void*) {
  const std::uint32_t minor = device_minor(node.represents());
  if (minor >= port_count) return Error::nxio;
  Own<char[]> input(new (std::nothrow) char[PortFile::buffer_size]);
  Own<char[]> output(new (std::nothrow) char[PortFile::buffer_size]);
  if (!input || !output) return Error::nomem;
  return Ref<File>(
      TRY(make<PortFile>(Ref<Inode>(&node), *port_table[minor], std::move(input), std::move(output))));
}

constinit CharacterDevice port_driver{.name = "virtio-portsdev",
                                      .major = port_major,
                                      .first_minor = 0,
                                      .minor_count = ports_max,
                                      .open = open_port,
                                      .context = nullptr,
                                      .reach = DeviceReach::host,
                                      .node = {}};

}  // namespace

Result<void> initialise_port_devices() {
  register_device(port_driver);
  ports::for_each(
      [](Port& port, void*) {
        if (port_count < ports_max && !port.is_console()) port_table[port_count++] = &port;
      },
      nullptr);
  for (std::uint32_t minor = 0; minor < port_count; ++minor) {
    char text[name_max + 1];
    const std::string_view name = format_to(text, "virtio-ports/{}", port_table[minor]->name());
    TRY(devfs::add_node(name, FileType::character_device, make_device(port_major, minor), 0600));
  }
  return {};
}

}  // namespace cv6
