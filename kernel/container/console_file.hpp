// The files that lead to a container's console (console.hpp).
#pragma once

#include "container/container.hpp"

namespace cv6 {

// What a program inside writes to as its standard output or error: it goes into the log, and to `forward` (or null), which
// then answers for everything else as well: terminal requests, reading, whether it can be written to. While it is open, what
// the kernel says about the container goes to `forward` too, unless Attach::no says that it is only borrowed. Error::loop:
// `forward` passes on to too many others (File::nesting).
enum class Attach : std::uint8_t { no, yes };
Result<Ref<File>> open_console_output(Ref<Container> container, ContainerConsole::Stream stream, Ref<File> forward,
                                      const Credentials& opener, Attach attach = Attach::yes);

// The log: a read gives whole entries, each a ContainerConsole::Entry and its bytes, padded to a multiple of 8 bytes; stream
// 0: that many bytes (in `size`) have been lost, and none follow. At the end 0, or, following, it waits until the container
// is empty or gone. Error::inval: the buffer is smaller than the next entry.
struct ConsoleView {
  enum class From : std::uint8_t { oldest, now } from = From::oldest;
  enum class AtEnd : std::uint8_t { end, follow } at_end = AtEnd::end;
  // Typing: the console must be a terminal, Error::notty; what is written is typed there, and terminal requests are about it.
  enum class Use : std::uint8_t { reading, typing } use = Use::reading;
};
Result<Ref<File>> open_console_log(Ref<Container> container, ConsoleView view, OpenFlags flags, const Credentials& opener);

}  // namespace cv6
