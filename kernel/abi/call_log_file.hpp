// The log of a container's system calls as a file: each read gives whole lines (abi/call_format.hpp). Any number of such
// files read independently. Where calls were lost a line `--- N calls lost ---` says so.
#pragma once

#include "container/container.hpp"
#include "fs/file.hpp"

namespace cv6::abi {

struct CallLogView {
  enum class AtEnd : std::uint8_t { end, follow };  // follow: wait, until the container has become empty or is gone
  enum class From : std::uint8_t { oldest, now };
  enum class Times : std::uint8_t { no, yes };
  AtEnd at_end = AtEnd::end;
  From from = From::oldest;
  Times times = Times::no;
};
// Error::nomem.
Result<Ref<File>> open_call_log(Ref<Container> container, CallLogView view, OpenFlags flags, const Credentials& opener);

// Cycles of the processor's counter as time.
Nanoseconds time_of_cycles(std::uint64_t cycles);

}  // namespace cv6::abi
