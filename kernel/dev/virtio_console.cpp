#include "dev/virtio_console.hpp"

#include <algorithm>
#include <cstring>

#include "arch/clock.hpp"
#include "arch/cpu.hpp"
#include "dev/virtio_port.hpp"
#include "lib/vector.hpp"
#include "mm/frame.hpp"
#include "sync/log.hpp"

namespace cv6 {

namespace {

constexpr std::uint64_t feature_multiport = 1 << 1;
constexpr unsigned config_max_ports = 4;
constexpr std::string_view console_name = "cv6.console";  // as host/protocol names it

// 5.3.6.2 "Multiport device operation".
struct Control {
  enum class Event : std::uint16_t { device_ready, port_add, port_remove, port_ready, console_port, resize, port_open, port_name };
  std::uint32_t port;
  Event event;
  std::uint16_t value;
};
static_assert(sizeof(Control) == 8);

class VirtioConsole {
 public:
  explicit VirtioConsole(VirtioDevice& device) : device_(device) {}
  Result<void> start();
  std::span<const Own<VirtioPort>> ports() const { return ports_; }

 private:
  static constexpr std::uint16_t control_receive = 2, control_transmit = 3;
  static constexpr std::uint16_t control_queue_size = 64;
  static constexpr std::size_t control_buffer_size = 128;
  static constexpr unsigned control_buffers = 64;
  static constexpr unsigned most_ports = 31;  // as many as QEMU allows

  // Ports 0 and 1, 2, ... have queues 0 and 1, 4 and 5, ...: 2 and 3 are for control.
  static constexpr std::uint16_t receive_index(unsigned port) {
    return static_cast<std::uint16_t>(port ? 2 * port + 2 : 0);
  }

  Result<Virtqueue> make_queue(std::uint16_t index, std::uint16_t size);
  Result<void> make_ports(unsigned count);
  Result<void> make_control();
  Result<void> discover();
  void wait_until_control_sent();
  void send(unsigned port, Control::Event event, std::uint16_t value);
  void take_control_messages();
  void on_control(const Control& message, std::string_view rest);
  static void on_interrupt(void* self);

  VirtioDevice& device_;
  char* queue_memory_ = nullptr;  // what is left of a page for queues
  std::size_t queue_memory_left_ = 0;
  Vector<Own<VirtioPort>> ports_;  // as the device numbers them; those that it has not added have no part in anything
  std::uint32_t added_ = 0;        // bit n: the device has added port n
  bool multiport_ = false;

  SpinLock lock_{Rank::port};
  Virtqueue control_in_ GUARDED_BY(lock_);
  Virtqueue control_out_ GUARDED_BY(lock_);
  char* control_in_memory_ = nullptr;
  Control* control_out_memory_ = nullptr;
  std::uint8_t control_in_number_[control_queue_size] GUARDED_BY(lock_) = {};
  unsigned control_out_next_ GUARDED_BY(lock_) = 0;

 public:
  bool added(unsigned port) const { return added_ >> port & 1; }
};

Result<Virtqueue> VirtioConsole::make_queue(std::uint16_t index, std::uint16_t size) {
  const std::uint16_t limit = device_.queue_limit(index);
  if (limit == 0) return Error::nodev;
  size = std::min(size, limit);
  const std::size_t bytes = (Virtqueue::memory_for(size) + 15) / 16 * 16;
  static_assert(Virtqueue::memory_for(control_queue_size) <= page_size);
  if (bytes > queue_memory_left_) {
    queue_memory_ = static_cast<char*>(TRY(frames::take(0, FrameUse::kernel, Fill::zero))->data());
    queue_memory_left_ = page_size;
  }
  const Virtqueue queue(queue_memory_, size);
  queue_memory_ += bytes;
  queue_memory_left_ -= bytes;
  TRY(device_.enable_queue(index, queue));
  return queue;
}

Result<void> VirtioConsole::make_ports(unsigned count) {
  for (unsigned port = 0; port < count; ++port) {
    const std::uint16_t index = receive_index(port);
    const Virtqueue receive = TRY(make_queue(index, VirtioPort::queue_size));
    const Virtqueue transmit = TRY(make_queue(static_cast<std::uint16_t>(index + 1), VirtioPort::queue_size));
    TRY(ports_.push_back(TRY(make_own<VirtioPort>(device_, index, receive, transmit))));
  }
  return {};
}

Result<void> VirtioConsole::make_control() {
  SpinGuard guard(lock_);
  control_in_ = TRY(make_queue(control_receive, control_queue_size));
  control_out_ = TRY(make_queue(control_transmit, control_queue_size));
  control_in_memory_ = static_cast<char*>(TRY(frames::take(1, FrameUse::kernel, Fill::garbage))->data());
  static_assert(control_buffers * control_buffer_size <= 2 * page_size);
  control_out_memory_ = static_cast<Control*>(TRY(frames::take(0, FrameUse::kernel, Fill::garbage))->data());
  for (unsigned i = 0; i < std::min<unsigned>(control_buffers, control_in_.size()); ++i) {
    const Virtqueue::Buffer buffer{arch::physical_of(control_in_memory_ + i * control_buffer_size), control_buffer_size,
                                   Virtqueue::Buffer::For::device_writes};
    if (const auto head = control_in_.add({&buffer, 1})) control_in_number_[*head] = static_cast<std::uint8_t>(i);
  }
  return {};
}

Result<void> VirtioConsole::start() {
  const std::uint64_t features = TRY(device_.begin(feature_multiport));
  multiport_ = features & feature_multiport;
  TRY(make_ports(multiport_ ? std::min(device_.read_config(config_max_ports), most_ports) : 1));
  if (multiport_) TRY(make_control());
  TRY(device_.set_interrupt_handler(&VirtioConsole::on_interrupt, this));
  device_.ready();
  if (multiport_) return discover();
  added_ = 1;
  TRY(ports_[0]->start());
  ports_[0]->set_console();
  ports_[0]->set_other_end(true);
  return {};
}

// The device adds its ports when we are ready, and tells about each when we are ready for it: what it tells has arrived
// when it has taken our message.
Result<void> VirtioConsole::discover() {
  {
    SpinGuard guard(lock_);
    if (control_in_.publish()) device_.notify(control_receive);
  }
  send(0, Control::Event::device_ready, 1);
  wait_until_control_sent();
  for (unsigned port = 0; port < ports_.size(); ++port) {
    if (!added(port)) continue;
    TRY(ports_[port]->start());
    send(port, Control::Event::port_ready, 1);
    wait_until_control_sent();
    send(port, Control::Event::port_open, 1);
  }
  wait_until_control_sent();
  return {};
}

void VirtioConsole::wait_until_control_sent() {
  constexpr Nanoseconds longest = 2 * nanoseconds_per_second;
  const Nanoseconds limit = arch::monotonic_now() + longest;
  const auto sent = [this] {
    SpinGuard guard(lock_);
    while (control_out_.take_used()) {}
    return control_out_.free_count() == control_out_.size();
  };
  while (!sent() && arch::monotonic_now() < limit) arch::wait_for_interrupt();
  take_control_messages();
}

void VirtioConsole::send(unsigned port, Control::Event event, std::uint16_t value) {
  SpinGuard guard(lock_);
  while (control_out_.take_used()) {}
  Control& message = control_out_memory_[control_out_next_++ % control_queue_size];
  message = {port, event, value};
  const Virtqueue::Buffer buffer{arch::physical_of(&message), sizeof message, Virtqueue::Buffer::For::device_reads};
  if (!control_out_.add({&buffer, 1})) return log(LogLevel::error, "virtio console: it takes no control messages");
  if (control_out_.publish()) device_.notify(control_transmit);
}

void VirtioConsole::take_control_messages() {
  while (true) {
    char bytes[control_buffer_size];
    std::size_t size = 0;
    {
      SpinGuard guard(lock_);
      const auto used = control_in_.take_used();
      if (!used) return;
      const unsigned number = control_in_number_[used->head];
      size = std::min<std::size_t>(used->written, control_buffer_size);
      char* memory = control_in_memory_ + number * control_buffer_size;
      std::memcpy(bytes, memory, size);
      const Virtqueue::Buffer buffer{arch::physical_of(memory), control_buffer_size,
                                     Virtqueue::Buffer::For::device_writes};
      if (const auto head = control_in_.add({&buffer, 1})) control_in_number_[*head] = static_cast<std::uint8_t>(number);
      if (control_in_.publish()) device_.notify(control_receive);
    }
    Control message;
    if (size < sizeof message) continue;
    std::memcpy(&message, bytes, sizeof message);
    on_control(message, {bytes + sizeof message, size - sizeof message});
  }
}

void VirtioConsole::on_control(const Control& message, std::string_view rest) {
  if (message.port >= ports_.size()) return;
  VirtioPort& port = *ports_[message.port];
  switch (message.event) {
    case Control::Event::port_add: added_ |= std::uint32_t{1} << message.port; return;
    case Control::Event::console_port: return port.set_console();
    case Control::Event::port_open: return port.set_other_end(message.value != 0);
    case Control::Event::port_name:
      port.set_name(rest.substr(0, rest.find('\0')));
      // The runner's console is an ordinary port: of a "virtconsole" QEMU drops output that it cannot pass on at once.
      if (port.name() == console_name) port.set_console();
      return;
    case Control::Event::port_remove: return port.set_other_end(false);
    default: return;  // sizes come with the console protocol of the runner
  }
}

void VirtioConsole::on_interrupt(void* context) {
  auto& self = *static_cast<VirtioConsole*>(context);
  if (self.multiport_) self.take_control_messages();
  for (unsigned i = 0; i < self.ports_.size(); ++i)
    if (self.added(i)) self.ports_[i]->on_interrupt();
}

// Consoles live for ever.
constinit VirtioConsole* consoles[4];
unsigned console_count = 0;

}  // namespace

void start_virtio_console(VirtioDevice& device) {
  if (console_count == std::size(consoles)) return log(LogLevel::warning, "virtio console: too many");
  auto* console = new (std::nothrow) VirtioConsole(device);
  if (!console) return log(LogLevel::error, "virtio console: no memory");
  consoles[console_count++] = console;
  if (const Result<void> started = console->start(); !started) {
    device.fail();
    log(LogLevel::error, "virtio console: cannot be used, error {}", started.error());
  }
}

namespace ports {

void for_each(void (*visit)(Port& port, void* context), void* context) {
  for (unsigned console = 0; console < console_count; ++console) {
    const auto all = consoles[console]->ports();
    for (unsigned i = 0; i < all.size(); ++i)
      if (consoles[console]->added(i)) visit(*all[i], context);
  }
}

namespace {

struct Search {
  bool (*wanted)(Port& port, std::string_view name);
  std::string_view name;
  Port* found = nullptr;
};

Port* search(Search search) {
  for_each(
      [](Port& port, void* context) {
        auto& search = *static_cast<Search*>(context);
        if (!search.found && search.wanted(port, search.name)) search.found = &port;
      },
      &search);
  return search.found;
}

}  // namespace

Port* find(std::string_view name) {
  return search({[](Port& port, std::string_view wanted) { return port.name() == wanted; }, name});
}

Port* console() {
  return search({[](Port& port, std::string_view) { return port.is_console(); }, {}});
}

}  // namespace ports
}  // namespace cv6
