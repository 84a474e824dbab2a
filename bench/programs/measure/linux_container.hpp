// What Linux programs put together where cv6 has a container: the cheapest that isolates as much.
//
// A process in PID, mount, UTS, IPC and control-group namespaces of its own; its root is an overlay (overlayfs) over the
// host's, entered by pivot_root(2); it has a /proc of its own, and a control group (version 2) limits its processes, its
// memory and its processor time. There is no network on cv6, so it gets no network namespace, which would cost Linux as
// much again.
#pragma once

#include <string>

#include "resources.hpp"

namespace cv6::bench {

class LinuxContainer {
 public:
  LinuxContainer(LinuxContainer&& other) noexcept;
  LinuxContainer& operator=(LinuxContainer&&) = delete;
  ~LinuxContainer();

  /// What the first process does once everything is in place; its return value is its exit status.
  using First = int (*)(void* argument);

  /// Makes one; its first process runs `first`.
  static std::expected<LinuxContainer, Failure> create(First first, void* argument = nullptr);

  /// Waits for the first process, which must end with status 0, and removes the container.
  Status wait_and_remove();
  /// Ends it wherever its first process is.
  Status destroy();

  /// The caller becomes part of it: its files, names and limits, and its pids for children to come.
  [[nodiscard]] Status join() const;

 private:
  explicit LinuxContainer(std::string name) : name_(std::move(name)) {}
  Status make_folders_and_group();
  Status start(First first, void* argument);
  Status remove();
  [[nodiscard]] std::string folder(const char* part) const;
  [[nodiscard]] std::string group() const;

  std::string name_;  // empty: there is none any more
  pid_t process_ = -1;
};

/// Where the caller's parent is, so that it can come back from a container that it joined.
class LinuxHome {
 public:
  static std::expected<LinuxHome, Failure> open();
  [[nodiscard]] Status come_back() const;

 private:
  LinuxHome(File parent, File group) : parent_(std::move(parent)), group_(std::move(group)) {}
  File parent_;
  File group_;  // the list of processes of the outermost control group
};

}  // namespace cv6::bench
