#include "console_entries.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>

#include "failure.hpp"
#include "time_text.hpp"

namespace cv6::box {

Descriptor open_console(int container, std::uint32_t flags) {
  Descriptor console(open_container_console({container, flags}));
  if (console < 0) throw system_failure("the console of container " + std::to_string(container));
  return console;
}

bool ConsoleReader::next(Entry& entry) {
  if (at_ == end_ && !fill()) return false;
  ContainerConsoleEntry head;
  std::memcpy(&head, buffer_ + at_, sizeof head);
  at_ += sizeof head;
  entry = {head.time, head.stream, {}};
  if (head.stream == Entry::Stream::lost) {
    entry.text = "--- " + std::to_string(head.size) + " bytes lost ---\n";
    return true;
  }
  entry.text.assign(buffer_ + at_, head.size);
  at_ += (head.size + 7) / 8 * 8;
  return true;
}

bool ConsoleReader::is_ready() const {
  pollfd look{console_, POLLIN, 0};
  return has_next() || ::poll(&look, 1, 0) > 0;
}

bool ConsoleReader::fill() {
  ssize_t count;
  do count = ::read(console_, buffer_, sizeof buffer_);
  while (count < 0 && errno == EINTR);
  if (count < 0) throw system_failure("the console");
  at_ = 0;
  end_ = static_cast<std::size_t>(count);
  return count != 0;
}

void Printer::print(const Entry& entry) {
  std::FILE* to = entry.stream == Entry::Stream::output ? stdout : stderr;
  if (times_ == Times::no) {
    std::fwrite(entry.text.data(), 1, entry.text.size(), to);
  } else {
    std::istringstream lines(entry.text);
    for (std::string line; std::getline(lines, line);) {
      if (!in_line_) std::fprintf(to, "%s ", moment_text(entry.time).c_str());
      in_line_ = lines.eof() && entry.text.back() != '\n';
      std::fprintf(to, "%s%s", line.c_str(), in_line_ ? "" : "\n");
    }
  }
  std::fflush(to);
}

}  // namespace cv6::box
