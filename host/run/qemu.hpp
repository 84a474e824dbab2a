// The QEMU process: started, watched, ended. It never outlives the runner.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/files.hpp"

namespace cv6::host {

class Qemu {
 public:
  // Starts `command` with the descriptors `inherited` (and no others) besides null input and output. What it says on
  // standard error goes to the file `complaints`.
  static Outcome<Qemu> start(const std::vector<std::string>& command, const std::vector<int>& inherited,
                             const std::filesystem::path& complaints);
  Qemu(Qemu&& other) noexcept
      : process_(std::exchange(other.process_, -1)),
        handle_(std::move(other.handle_)),
        complaints_(std::move(other.complaints_)),
        status_(other.status_) {}
  Qemu& operator=(Qemu&&) = delete;
  ~Qemu();

  // Becomes readable when QEMU has ended.
  [[nodiscard]] int handle() const { return handle_.number(); }
  // To call when it has ended, or to wait for it: the status that waitpid(2) gives.
  int wait();
  void kill();

  // What it said on standard error, without the end of the last line.
  [[nodiscard]] std::string complaints() const;

 private:
  Qemu(pid_t process, Descriptor handle, std::filesystem::path complaints)
      : process_(process), handle_(std::move(handle)), complaints_(std::move(complaints)) {}

  pid_t process_;  // -1 when it has been waited for
  Descriptor handle_;
  std::filesystem::path complaints_;
  int status_ = 0;
};

}  // namespace cv6::host
