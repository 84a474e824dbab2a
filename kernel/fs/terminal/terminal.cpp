#include "fs/terminal/terminal.hpp"

#include "fs/device.hpp"
#include "fs/terminal/pty.hpp"
#include "fs/terminal/terminal_file.hpp"

namespace cv6 {

namespace {

// signal(7), x86-64 numbers.
constexpr int sigint = 2, sigquit = 3, sigtstp = 20, sigwinch = 28;

// As on Linux: devices.txt.
constexpr DeviceNumber tty_device = make_device(5, 0), console_device = make_device(5, 1), hvc_device = make_device(229, 0);
constexpr Mode console_mode = 0600, tty_mode = 0666;

Result<Ref<File>> open_console(Inode& node, OpenFlags flags, void* terminal) {
  return static_cast<Terminal*>(terminal)->open(node, flags);
}

Result<Ref<File>> open_controlling(Inode& node, OpenFlags, void*) { return open_controlling_terminal(&node); }

constinit CharacterDevice tty_driver{
    .name = "/dev/tty", .major = 5, .first_minor = 0, .open = open_controlling, .node = {}};
constinit CharacterDevice console_driver{
    .name = "/dev/console", .major = 5, .first_minor = 1, .open = open_console, .reach = DeviceReach::host, .node = {}};
constinit CharacterDevice hvc_driver{
    .name = "hvc", .major = 229, .first_minor = 0, .open = open_console, .reach = DeviceReach::host, .node = {}};

Result<void> initialise_console(Port& port) {
  Ref<Terminal> terminal = TRY(make<Terminal>(port, console_device));
  TRY(terminal->initialise());
  console_driver.context = hvc_driver.context = terminal.leak();  // as long as the system runs
  register_device(console_driver);
  register_device(hvc_driver);
  TRY(devfs::add_node("console", FileType::character_device, console_device, console_mode, tty_group));
  TRY(devfs::add_node("hvc0", FileType::character_device, hvc_device, console_mode, tty_group));
  return {};
}

}  // namespace

Result<void> Terminal::initialise() {
  jobs_ = TRY(make_job_control(*this));
  tty_.set_owner(*this);
  return {};
}

Result<Ref<File>> Terminal::open(Inode& node, OpenFlags flags) {
  Ref<File> file = TRY(open_terminal(Ref<Inode>(&node)));
  if (!(flags & open_flag::no_controlling_tty)) jobs_->opened();
  return file;
}

Result<Ref<File>> Terminal::open_terminal(Ref<Inode> node) {
  return Ref<File>(TRY(make<TerminalFile>(std::move(node), Ref<Terminal>(this))));
}

void Terminal::signal_foreground(TerminalSignal signal) {
  switch (signal) {
    case TerminalSignal::interrupt: return jobs_->signal_foreground(sigint);
    case TerminalSignal::quit: return jobs_->signal_foreground(sigquit);
    case TerminalSignal::suspend: return jobs_->signal_foreground(sigtstp);
  }
}

void Terminal::window_size_changed() { jobs_->signal_foreground(sigwinch); }

Result<void> initialise_terminals() {
  register_device(tty_driver);
  devpts::initialise();
  TRY(devfs::add_node("tty", FileType::character_device, tty_device, tty_mode, tty_group));
  if (Port* port = ports::console()) TRY(initialise_console(*port));
  return {};
}

}  // namespace cv6
