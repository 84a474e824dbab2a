// What the system says it is: uname(2), /proc/version. The release is what Linux programs go by (the C library of Debian
// 12 asks for at least 3.2): the calls offered are those of 6.1.
#pragma once

#include <string_view>

namespace cv6::version {

inline constexpr std::string_view system = "Linux";
inline constexpr std::string_view release = "6.1.0-cv6";
inline constexpr std::string_view text = "#1 SMP cv6 0.1";
inline constexpr std::string_view machine = "x86_64";

}  // namespace cv6::version
