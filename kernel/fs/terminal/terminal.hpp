// The terminal as a file: reading and writing with all the waiting, job control, and the calls of tty_ioctl(4). One that
// somebody has open, or somebody's session is on, is held by its files; the console's lives as long as the system runs.
// The device and its line discipline are in dev/tty.hpp, sessions and groups behind fs/job_control.hpp.
#pragma once

#include "dev/tty.hpp"
#include "fs/file.hpp"
#include "fs/job_control.hpp"

namespace cv6 {

inline constexpr std::uint32_t tty_group = 5;  // that of terminals' nodes

class Terminal : public TerminalDevice, private Tty::Owner {
 public:
  // On `port`, known as `device`.
  Terminal(Port& port, DeviceNumber device, const WindowSize& window = {}) : tty_(port, window), device_(device) {}
  // Before anybody uses it. Error::nomem.
  Result<void> initialise();

  Tty& tty() { return tty_; }
  JobControl& jobs() { return *jobs_; }

  // A node of the terminal was opened: the new file, and the terminal becomes the caller's controlling one if it may.
  Result<Ref<File>> open(Inode& node, OpenFlags flags);
  Result<Ref<File>> open_terminal(Ref<Inode> node) override;
  DeviceNumber device() const override { return device_; }
  // By each TerminalFile: one more, one less.
  virtual void file_opened() {}
  virtual void file_closed() {}

 protected:
  // Before it is known by a name.
  void set_device(DeviceNumber device) { device_ = device; }

 private:
  void signal_foreground(TerminalSignal signal) override;
  void hung_up() override { jobs_->hang_up(); }
  void window_size_changed() override;

  Tty tty_;
  DeviceNumber device_;
  Own<JobControl> jobs_;
};

// The requests of tty_ioctl(4) that are about the terminal, whichever end they come from. Error::notty: not one of them.
Result<long> control_terminal(Terminal& terminal, unsigned request, std::uintptr_t argument);

// The console's terminal, if the machine has a console port, as /dev/console and /dev/hvc0; and /dev/tty. Boot calls this
// after the devices have been probed and devfs is there.
Result<void> initialise_terminals();

}  // namespace cv6
