// A record of the log of system calls as a line of text, the way strace(1) writes it:
//
//   [12] openat(AT_FDCWD, "/etc/motd", O_RDONLY) = 3 <0.000012>
//   [12] mkdir("/tmp/a", 0777) = -1 EPERM (not allowed in this container)
#pragma once

#include "abi/decode.hpp"
#include "container/call_log.hpp"
#include "lib/format.hpp"

namespace cv6::abi {

inline constexpr std::size_t longest_call = 1280;  // a record as text, with every byte of its strings escaped

// `started`: what to say of the time, since 1970; 0: nothing. `nanoseconds`: how long it took. Ends with a newline.
void print_call(Output& out, const CallRecord& record, Nanoseconds started, Nanoseconds nanoseconds);

// Only what was asked for: mkdir("/tmp/a", 0777)
void print_request(Output& out, const CallRecord& record);

// The names of an argument's values, from the headers of its ABI. Without any values: it is an address.
struct ValueName {
  std::uint32_t mask, value;  // it stands for these bits if they have this value
  std::string_view name;
};
struct ArgumentNames {
  std::string_view call;
  unsigned index;
  std::span<const ValueName> values;
};

}  // namespace cv6::abi
