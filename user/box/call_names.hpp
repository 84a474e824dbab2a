// The names of system calls.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cv6/gate.hpp"

namespace cv6::box {

// The place in a CallSet of the call with this name or number.
std::optional<unsigned> place_of_call(std::string_view name);
// "?n": no call has that place.
std::string name_of_call(unsigned place);
// Those in the set, by number. What stands for all others is "all-others"; places without a call are left out.
std::vector<std::string> names_in(const CallSet& set);

// "read,write all-others" and "all". Throws Failure for unknown names, naming them all.
CallSet parse_calls(const std::vector<std::string>& words);

// 2 for "ENOENT"; none: no such error.
std::optional<int> error_number(std::string_view name);

}  // namespace cv6::box
