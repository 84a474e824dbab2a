// The rows of calls.def, for whoever needs names and kinds of arguments.
#pragma once

#include "abi/call_table.hpp"

namespace cv6::linux_abi {

std::span<const abi::CallRow> call_rows();

}  // namespace cv6::linux_abi
