// The terminal as a file: reading and writing with all the waiting, job control, and the calls of tty_ioctl(4).
// The device and its line discipline are in dev/tty.hpp, sessions and groups behind fs/job_control.hpp.
#pragma once

#include "dev/tty.hpp"
#include "fs/file.hpp"
#include "fs/job_control.hpp"

namespace cv6 {

class Terminal final : public TerminalDevice, private Tty::Owner {
 public:
  // On `port`, known as `device`. Error::nomem.
  static Result<Own<Terminal>> create(Port& port, DeviceNumber device);

  Tty& tty() { return tty_; }
  JobControl& jobs() { return *jobs_; }

  // A node of the terminal was opened: the new file, and the terminal becomes the caller's controlling one if it may.
  Result<Ref<File>> open(Inode& node, OpenFlags flags);
  Result<Ref<File>> open_terminal(OpenFlags flags) override;
  DeviceNumber device() const override { return device_; }
  // The node that /dev/tty stands for when it is opened.
  void set_node(Ref<Inode> node) { node_ = std::move(node); }

  Terminal(Port& port, DeviceNumber device) : tty_(port), device_(device) {}

 private:
  void signal_foreground(TerminalSignal signal) override;
  void hung_up() override { jobs_->hang_up(); }
  void window_size_changed() override;

  Tty tty_;
  DeviceNumber device_;
  Own<JobControl> jobs_;
  Ref<Inode> node_;
};

// The console's terminal, if the machine has a console port, as /dev/console and /dev/hvc0; and /dev/tty. Boot calls this
// after the devices have been probed and devfs is there.
Result<void> initialise_terminals();

}  // namespace cv6
