#include "linux_container.hpp"

#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstring>
#include <utility>

namespace cv6::bench {
namespace {

constexpr unsigned long joined_namespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

Status write_file(const std::string& path, const char* text) {
  auto file = File::open(path.c_str(), O_WRONLY);
  if (!file) return std::unexpected{file.error()};
  if (::write(file->descriptor(), text, std::strlen(text)) < 0) return failed("write");
  return {};
}

Status make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) return failed("mkdir");
  return {};
}

/// The overlay becomes the root, and the former one goes (pivot_root(2), "pivot_root(".", ".")").
Status change_root(const std::string& to) {
  if (::chdir(to.c_str()) != 0) return failed("chdir");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) return failed("umount2");
  if (::chdir("/") != 0) return failed("chdir");
  return {};
}

/// By the first process.
Status settle_in(const char* name, const std::string& layers, const std::string& root) {
  if (::sethostname(name, std::strlen(name)) != 0) return failed("sethostname");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("mount");
  if (::mount("overlay", root.c_str(), "overlay", 0, layers.c_str()) != 0) return failed("mount of an overlay");
  if (const Status done = change_root(root); !done) return done;
  if (::mount("proc", "/proc", "proc", 0, nullptr) != 0) return failed("mount of /proc");
  return {};
}

unsigned containers_made = 0;

}  // namespace

LinuxContainer::LinuxContainer(LinuxContainer&& other) noexcept
    : name_(std::exchange(other.name_, {})), process_(std::exchange(other.process_, -1)) {}

LinuxContainer::~LinuxContainer() {
  if (!name_.empty()) (void)destroy();
}

std::string LinuxContainer::folder(const char* part) const { return "/tmp/" + name_ + part; }
std::string LinuxContainer::group() const { return "/sys/fs/cgroup/" + name_; }

std::expected<LinuxContainer, Failure> LinuxContainer::create(First first, void* argument) {
  LinuxContainer made{"container-" + std::to_string(::getpid()) + "-" + std::to_string(containers_made++)};
  return made.make_folders_and_group()
      .and_then([&] { return made.start(first, argument); })
      .transform([&] { return std::move(made); });
}

Status LinuxContainer::make_folders_and_group() {
  for (const char* part : {"", "/upper", "/work", "/root"}) {
    if (const Status made = make_folder(folder(part)); !made) return made;
  }
  return make_folder(group())
      .and_then([&] { return write_file(group() + "/pids.max", "1000"); })
      .and_then([&] { return write_file(group() + "/memory.max", "64M"); })
      .and_then([&] { return write_file(group() + "/cpu.max", "50000 100000"); });
}

/// Returns when the first process has settled in, or could not.
Status LinuxContainer::start(First first, void* argument) {
  auto told = Pipe::create();
  if (!told) return std::unexpected{told.error()};
  const File place{::open(group().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (place.descriptor() < 0) return failed("open");
  clone_args wanted{};
  wanted.flags = joined_namespaces | CLONE_INTO_CGROUP;
  wanted.exit_signal = SIGCHLD;
  wanted.cgroup = static_cast<std::uint64_t>(place.descriptor());
  const std::string layers = "lowerdir=/,upperdir=" + folder("/upper") + ",workdir=" + folder("/work");
  const std::string root = folder("/root");
  process_ = static_cast<pid_t>(::syscall(SYS_clone3, &wanted, sizeof wanted));
  if (process_ < 0) return failed("clone3");
  if (process_ == 0) {
    const Status settled = settle_in(name_.c_str(), layers, root);
    const Failure outcome = settled ? Failure{nullptr, 0} : settled.error();
    if (::write(told->write_end.descriptor(), &outcome, sizeof outcome) != sizeof outcome || !settled) ::_exit(1);
    ::_exit(first(argument));
  }
  Failure outcome{};
  told->write_end.close();
  if (::read(told->read_end.descriptor(), &outcome, sizeof outcome) != sizeof outcome) return failed("first process", 0);
  if (outcome.call != nullptr) return std::unexpected{outcome};  // its text is where it is here as well
  return {};
}

Status LinuxContainer::remove() {
  if (::rmdir(group().c_str()) != 0) return failed("rmdir of the control group");
  for (const char* part : {"/work/work", "/work", "/upper", "/root", ""}) {
    if (::rmdir(folder(part).c_str()) != 0) return failed("rmdir");
  }
  name_.clear();
  return {};
}

Status LinuxContainer::wait_and_remove() {
  return reap(std::exchange(process_, -1)).and_then([&] { return remove(); });
}

Status LinuxContainer::destroy() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    if (::waitpid(process_, nullptr, 0) != process_) return failed("waitpid");
    process_ = -1;
  }
  return remove();
}

Status LinuxContainer::join() const {
  const File process{static_cast<int>(::syscall(SYS_pidfd_open, process_, 0))};
  if (process.descriptor() < 0) return failed("pidfd_open");
  if (const Status limited = write_file(group() + "/cgroup.procs", "0"); !limited) return limited;
  if (::setns(process.descriptor(), joined_namespaces) != 0) return failed("setns");
  return {};
}

std::expected<LinuxHome, Failure> LinuxHome::open() {
  File parent{static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0))};
  if (parent.descriptor() < 0) return failed("pidfd_open");
  return File::open("/sys/fs/cgroup/cgroup.procs", O_WRONLY).transform([&](File group) {
    return LinuxHome{std::move(parent), std::move(group)};
  });
}

Status LinuxHome::come_back() const {
  if (::setns(parent_.descriptor(), joined_namespaces) != 0) return failed("setns");
  if (::write(group_.descriptor(), "0", 1) != 1) return failed("write");
  return {};
}

}  // namespace cv6::bench
