// Changing who a process is: setuid(2), setreuid(2), setresuid(2), setfsuid(2), setgroups(2) and their kin for groups.
// credentials(7). Only effective user 0 is privileged (there are no capabilities).
#pragma once

#include <optional>
#include <span>

#include "task/process.hpp"

namespace cv6 {

using NewId = std::optional<std::uint32_t>;  // no value: stays as it is (-1)

// All: Error::perm, Error::nomem, and setuid's Error::again never.
Result<void> set_user(Process& process, std::uint32_t user);
Result<void> set_group(Process& process, std::uint32_t group);
Result<void> set_real_and_effective_user(Process& process, NewId real, NewId effective);
Result<void> set_real_and_effective_group(Process& process, NewId real, NewId effective);
Result<void> set_all_users(Process& process, NewId real, NewId effective, NewId saved);
Result<void> set_all_groups(Process& process, NewId real, NewId effective, NewId saved);
// Return what was, and change nothing if that is not allowed.
std::uint32_t set_file_user(Process& process, std::uint32_t user);
std::uint32_t set_file_group(Process& process, std::uint32_t group);
Result<void> set_supplementary_groups(Process& process, std::span<const std::uint32_t> groups);

// getpriority(2), setpriority(2): nice values. `number` 0: the caller's. The best (lowest) of those found. What the calls name
// PRIO_PROCESS is one thread: each has a nice value of its own.
enum class PriorityOf : std::uint8_t { thread, group, user };
Result<int> priority(Process& caller, PriorityOf which, int number);
Result<void> set_priority(Process& caller, PriorityOf which, int number, int nice);

}  // namespace cv6
