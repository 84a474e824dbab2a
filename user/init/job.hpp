// Starts what the machine was booted for: a login shell on the console, or a command whose standard input, output and
// error are ports of the machine. Either is the leader of a session of its own, in /root, as root.
#pragma once

#include <sys/types.h>

#include "protocol/protocol.hpp"

namespace cv6::init {

// The console, as the kernel names it.
inline constexpr char console_path[] = "/dev/console";

// Returns the new process, or -1 with errno set. What fails after that is said on the job's standard error, and its
// exit status is 127 for a program that is not there and 126 for one that cannot be run, as in sh(1).
pid_t start(const protocol::Job& job);

}  // namespace cv6::init
