#pragma once
// Descriptors that close themselves, and pipes made of two of them.

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "support/check.hpp"

namespace cv6::guest {

// Owns one descriptor; -1 when the call that made it failed.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  operator int() const { return fd_; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void close() {
    if (fd_ != -1) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

// A pipe; a failed pipe2 is a failure of the test.
struct Pipe {
  explicit Pipe(int flags = O_CLOEXEC) {
    int ends[2] = {-1, -1};
    EXPECT_OK(pipe2(ends, flags));
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
  // One byte through the pipe: the way processes wait for each other. False at the end of file.
  bool wait() const {
    char byte;
    ssize_t length;
    do length = ::read(read, &byte, 1);
    while (length == -1 && errno == EINTR);
    return length == 1;
  }
  void notify() const { EXPECT_EQ(::write(write, "!", 1), 1); }

  Descriptor read;
  Descriptor write;
};

// All that comes until the other end is closed.
inline std::string read_to_end(const Descriptor& from) {
  std::string text;
  char block[4096];
  for (ssize_t length; (length = ::read(from, block, sizeof block)) > 0;) text.append(block, static_cast<std::size_t>(length));
  return text;
}

inline Descriptor open_file(const char* path, int flags, int mode = 0644) {
  return Descriptor(::open(path, flags | O_CLOEXEC, mode));
}

}  // namespace cv6::guest
