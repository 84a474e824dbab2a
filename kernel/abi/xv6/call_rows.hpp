// The rows of calls.def, for whoever needs names and kinds of arguments; and the way in.
#pragma once

#include "abi/call_table.hpp"

namespace cv6::xv6_abi {

std::span<const abi::CallRow> call_rows();

// A process of this ABI has made a call, by whatever instruction.
void on_call(UserThread& thread, arch::UserRegisters& registers);

}  // namespace cv6::xv6_abi
