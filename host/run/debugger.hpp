// gdb, attached to the machine before its first instruction, with the terminal as its own.
#pragma once

#include <filesystem>
#include <string>

#include "run/pump.hpp"

namespace cv6::host {

// The first C++ function of the kernel, where gdb stops first.
inline constexpr char first_function[] = "kmain";

// Starts gdb on `kernel` and the machine behind `socket`, and a thread that posts Events::leave when it ends.
Outcome<> start_debugger(const std::filesystem::path& kernel, const std::filesystem::path& socket, Events& events);

}  // namespace cv6::host
