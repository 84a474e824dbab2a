// The metrics of `./cv6 bench`: one row for each, known to the programs that measure (programs/) and to the driver that
// runs them and prints the table (driver/).
//
// A row is the contract of a metric: its name (what programs print and `--only` selects), what one operation is, its
// unit, and the most that cv6 may need. The order is the order of the table.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cv6::bench {

enum class Unit { instructions, megabytes };

/// Who measures: programs/measure from inside the guest, or the driver by booting guests.
enum class Measured { inside, by_booting };

struct Metric {
  std::string_view name;
  std::string_view title;
  Unit unit = Unit::instructions;
  Measured measured = Measured::inside;
  std::optional<std::uint64_t> at_most = std::nullopt;  ///< in `unit`; without one, the metric is only reported
};

inline constexpr auto metrics = std::to_array<Metric>({
    {.name = "boot_to_user",
     .title = "reset to the first instruction of user space",
     .measured = Measured::by_booting,
     .at_most = 15'000'000},
    {.name = "smallest_memory",
     .title = "smallest memory with a working shell",
     .unit = Unit::megabytes,
     .measured = Measured::by_booting,
     .at_most = 16},
    {.name = "null_call", .title = "null system call (getppid)", .at_most = 120},
    {.name = "xv6_call", .title = "null system call of an xv6 program (getpid)", .at_most = 150},
    {.name = "null_call_policy", .title = "the same in a container with a policy for calls", .at_most = 135},
    {.name = "null_call_counted", .title = "the same in a container whose calls are counted"},
    {.name = "null_call_recorded", .title = "the same in a container whose calls are logged", .at_most = 180},
    {.name = "read_byte", .title = "read a byte of /dev/zero"},
    {.name = "write_byte", .title = "write a byte to /dev/null"},
    {.name = "fork_wait", .title = "fork + exit + wait", .at_most = 36'000},
    {.name = "fork_exec_wait", .title = "fork + exec of a small static program + wait", .at_most = 60'000},
    {.name = "vfork_exec_wait", .title = "vfork + exec of a small static program + wait"},
    {.name = "thread_join", .title = "thread create + join", .at_most = 9'000},
    {.name = "pipe_round_trip", .title = "pipe ping-pong, there and back", .at_most = 3'000},
    {.name = "yield_round_trip", .title = "yield to another process and back"},
    {.name = "open_close", .title = "open + close", .at_most = 1'500},
    {.name = "stat", .title = "stat", .at_most = 900},
    {.name = "list_directory", .title = "getdents of a directory of 100 files"},
    {.name = "page_fault", .title = "anonymous page fault", .at_most = 1'200},
    {.name = "mmap_munmap", .title = "mmap + munmap of 64 KB, untouched"},
    {.name = "signal", .title = "signal delivered and returned", .at_most = 1'200},
    {.name = "container", .title = "create + destroy of a container", .at_most = 15'000},
    {.name = "container_among_1000", .title = "the same beside 1,000 others", .at_most = 16'500},
    {.name = "container_join_leave", .title = "create + join + leave + destroy", .at_most = 25'000},
    {.name = "container_run", .title = "create, run a small static program in it, wait, destroy", .at_most = 150'000},
    {.name = "container_first_write", .title = "first write of a container to a shared file of 8 MB"},
});

/// The row called `name`, or null.
constexpr const Metric* find_metric(std::string_view name) {
  const auto* row = std::ranges::find(metrics, name, &Metric::name);
  return row == metrics.end() ? nullptr : row;
}

/// The row called `name`; a name that is not in the table does not compile.
consteval const Metric& metric(std::string_view name) { return *find_metric(name); }

}  // namespace cv6::bench
