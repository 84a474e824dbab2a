// A file descriptor that is closed at the end of its scope.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace cv6::box {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return number_; }
  void release() { number_ = -1; }  // somebody else closes it

 private:
  int number_;
};

// For reading what others may have put there, whatever it is: a FIFO, a terminal or a device is not waited for. Who wants a
// regular file asks fstat(2).
inline Descriptor open_unwaiting(const std::string& path, int flags = 0) {
  return Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags));
}

}  // namespace cv6::box
