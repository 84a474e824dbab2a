// The names that Linux' headers give to values of arguments, for the log of system calls.
#pragma once

#include "abi/call_format.hpp"

namespace cv6::linux_abi {

std::span<const abi::ArgumentNames> argument_names();
// open(2) looks at its mode.
bool open_makes_file(std::uint64_t flags);
// Results from -largest_errno to -1 are errors; their names are those of errno(3).
inline constexpr int largest_errno = 4095;
void print_error_name(Output& out, int number);
// What such a call returns is shown as an address.
bool returns_address(std::string_view call);

}  // namespace cv6::linux_abi
