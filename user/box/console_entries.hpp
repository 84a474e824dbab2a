// What a container's console keeps: read entry by entry, printed as lines.
#pragma once

#include <cstdint>
#include <string>

#include "cv6/container.hpp"
#include "descriptor.hpp"

namespace cv6::box {

struct Entry {
  using Stream = ContainerConsoleEntry::Stream;
  std::uint64_t time;
  Stream stream;
  std::string text;
};

// The entries of a container's console, one after the other. Throws Failure.
class ConsoleReader {
 public:
  // `console`: as open_container_console() gives it; it stays the caller's.
  explicit ConsoleReader(int console) : console_(console) {}
  // False: the end.
  bool next(Entry& entry);
  // There is one that needs no waiting for.
  bool has_next() const { return at_ != end_; }
  // next() would not wait.
  bool is_ready() const;

 private:
  bool fill();

  int console_;
  char buffer_[2 * ContainerConsoleEntry::enough];
  std::size_t at_ = 0, end_ = 0;
};

// Opened with these flags of ContainerConsoleOpen. Throws Failure.
Descriptor open_console(int container, std::uint32_t flags);

// Prints entries as lines: what came on the error stream, and from the kernel, to standard error.
class Printer {
 public:
  enum class Times { no, yes };
  explicit Printer(Times times) : times_(times) {}
  void print(const Entry& entry);

 private:
  Times times_;
  bool in_line_ = false;
};

}  // namespace cv6::box
