// A named channel of bytes to whoever runs the machine: what virtio-console calls a port. `/dev/virtio-ports/<name>` in
// the guest; the console's terminal sits on one as well.
//
// Reading and writing never block here: they move what they can, and the wait queues say when to try again. Bytes are
// never lost: input stays with the device until somebody reads it, output waits until the device takes it.
#pragma once

#include <span>
#include <string_view>

#include "lib/result.hpp"
#include "sched/wait_queue.hpp"

namespace cv6 {

class Port {
 public:
  virtual ~Port() = default;
  virtual std::string_view name() const = 0;
  virtual bool is_console() const = 0;  // the device says that a terminal is at the other end

  // Error::again: nothing there now. 0: the other end has closed and everything it sent has been read.
  virtual Result<std::size_t> read(std::span<char> to) = 0;
  // Bytes taken, at least one; Error::again: no room now. Error::pipe never: what a closed end does not want is dropped.
  virtual Result<std::size_t> write(std::span<const char> from) = 0;
  virtual bool readable() const = 0;  // read() would not say again
  virtual bool writable() const = 0;
  virtual bool other_end_open() const = 0;
  // The device has taken everything written so far. No: became_writable is woken when it may have.
  virtual bool drained() = 0;
  // Waits for that before the machine is switched off: as long as the device goes on taking something, however slowly.
  virtual void drain() = 0;
  // What waits on its way in or out is dropped, where that can be done.
  virtual void discard_input() {}
  virtual void discard_output() {}
  // The last words: waits for the device by asking it, takes no lock, may lose what it does not take soon.
  virtual void write_in_panic(std::string_view) {}

  WaitQueue became_readable;  // input, or the other end opened or closed
  WaitQueue became_writable;
  // Called after input has arrived or the other end has closed, from the interrupt, without locks: for the terminal,
  // whose ^C must work while nobody reads. May call read().
  void (*on_input)(Port& port, void* context) = nullptr;
  // In the same way, when there is room again after writable() has said no: for what the terminal could not pass on.
  void (*on_room)(Port& port, void* context) = nullptr;
  void* context = nullptr;  // of both
};

namespace ports {
// All ports known, in the order in which the device offered them. Complete when boot has probed devices.
Port* find(std::string_view name);
Port* console();
void for_each(void (*visit)(Port& port, void* context), void* context);
}  // namespace ports

}  // namespace cv6
