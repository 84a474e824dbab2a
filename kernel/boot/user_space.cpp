#include "boot/user_space.hpp"

#include "abi/linux/operations.hpp"
#include "abi/xv6/operations.hpp"
#include "arch/machine.hpp"
#include "container/manager.hpp"
#include "dev/port.hpp"
#include "fs/device.hpp"
#include "fs/initialise.hpp"
#include "fs/initramfs.hpp"
#include "fs/operations.hpp"
#include "fs/terminal/pty.hpp"
#include "sync/log.hpp"
#include "task/first_process.hpp"
#include "task/proc/proc.hpp"

namespace cv6 {

namespace {

constexpr Mode mount_point_mode = 0755;

// A directory that need not be there yet, with a file system on it.
Result<void> mount(const Caller& caller, std::string_view name, Ref<Dentry> root, std::string_view source) {
  if (auto made = make_directory(caller, {.name = name}, mount_point_mode); !made && made.error() != Error::exist)
    return made;
  TRY(Mount::attach(TRY(resolve(caller, {.name = name}, Follow::yes)), std::move(root), source));
  return {};
}

Result<void> start_files(Container& host) {
  Path root = TRY(fs::initialise(host.memory()));
  const arch::MemoryRange initial = arch::initial_file_system();
  if (initial.start == initial.end) {
    log(LogLevel::error, "there is no initial file system: start the machine with an initramfs");
    return Error::noent;
  }
  TRY(unpack_initramfs(*root.dentry, initial.start, initial.end - initial.start, host.memory()));

  TRY(initialise_terminals());
  TRY(initialise_port_devices());
  TRY(proc::initialise());
  const Ref<FsContext> context = TRY(FsContext::create(root, root));
  const Caller caller{*context, Credentials::root()};
  TRY(mount(caller, "/dev", devfs::root(), "devtmpfs"));
  TRY(mount(caller, "/dev/pts", TRY(devpts::create()), "devpts"));
  TRY(mount(caller, "/proc", proc::root(), "proc"));
  set_host_tree(root.mount->tree());
  host.set_root(std::move(root));
  return {};
}

std::string_view explain(Error error) {
  switch (error) {
    case Error::noent: return "it or its interpreter is not there";
    case Error::acces: return "it may not be executed";
    case Error::noexec: return "it is not a program for 64-bit x86";
    case Error::libbad: return "its interpreter is damaged";
    case Error::nomem: return "too little memory";
    default: return "it is damaged";
  }
}

Result<void> prepare() {
  fs::choose_secrets();  // containers have names, too
  TRY(ContainerManager::initialise());
  TRY(initialise_tasks());
  TRY(initialise_linux_abi());
  TRY(initialise_xv6_abi());
  return start_files(ContainerManager::host());
}

}  // namespace

Result<void> start_user_space(const Options& options) {
  if (const auto prepared = prepare(); !prepared) {
    if (prepared.error() == Error::nomem) log(LogLevel::error, "cannot start: too little memory");
    return prepared;
  }
  const std::string_view arguments[] = {options.init};
  const std::string_view environment[] = {"HOME=/", "TERM=linux"};
  const std::string_view console = ports::console() ? "/dev/console" : "";
  if (auto started = start_first_process(options.init, arguments, environment, console); !started) {
    log(LogLevel::error, "the first process, {}, cannot be started: {}", options.init, explain(started.error()));
    return started;
  }
  return {};
}

}  // namespace cv6
