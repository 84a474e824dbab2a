// The metrics of `./cv6 bench`: one row for each, known to the programs that measure (programs/) and to the driver that
// runs them and prints the table (driver/).
//
// A row is the contract of a metric: its name (what programs print and `--only` selects), what one operation is, its
// unit, the most that cv6 may need, and whether it must do with half of what Linux needs. The order is that of the table.
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

/// Next to Linux: at most half of its kernel's instructions; or, where the program itself does nearly everything, no more of
/// both together; or Linux has nothing of the kind.
enum class Beside { half, not_slower, nothing };

/// Whether the time is measured, too. Not where there is no Linux beside it, or where most of it is spent asleep.
enum class Timed { yes, no };

struct Metric {
  std::string_view name;
  std::string_view title;
  Unit unit = Unit::instructions;
  Measured measured = Measured::inside;
  std::optional<std::uint64_t> at_most = std::nullopt;  ///< in `unit`, whatever Linux needs
  Beside beside = Beside::half;
  Timed timed = beside == Beside::nothing || measured == Measured::by_booting ? Timed::no : Timed::yes;
  std::uint64_t moved = 0;  ///< bytes that an operation has to copy; one instruction for each 8 is subtracted on both sides
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
    {.name = "xv6_call", .title = "null system call of an xv6 program (getpid)", .at_most = 150, .beside = Beside::nothing},
    {.name = "null_call_policy", .title = "the same in a container with a policy for calls", .at_most = 135, .beside = Beside::nothing},
    {.name = "null_call_counted", .title = "the same in a container whose calls are counted", .beside = Beside::nothing},
    {.name = "null_call_recorded", .title = "the same in a container whose calls are logged", .at_most = 180, .beside = Beside::nothing},
    {.name = "clock_gettime", .title = "clock_gettime(CLOCK_MONOTONIC), in user space", .beside = Beside::not_slower},
    {.name = "sigaction", .title = "sigaction"},
    {.name = "nanosleep", .title = "nanosleep of 100 us, without the time slept", .timed = Timed::no},
    {.name = "read_byte", .title = "read a byte of /dev/zero"},
    {.name = "write_byte", .title = "write a byte to /dev/null"},
    {.name = "fork_wait", .title = "fork + exit + wait", .at_most = 36'000},
    {.name = "fork_exec_wait", .title = "fork + exec of a small static program + wait", .at_most = 60'000},
    {.name = "vfork_exec_wait", .title = "vfork + exec of a small static program + wait"},
    {.name = "spawn_wait", .title = "posix_spawn of a small static program + wait"},
    {.name = "spawn_busybox_wait", .title = "posix_spawn of busybox true + wait"},
    {.name = "fork_64mb_wait", .title = "fork + exit + wait of a process with 64 MB"},
    {.name = "spawn_64mb_wait", .title = "posix_spawn + wait by a process with 64 MB"},
    {.name = "thread_join", .title = "thread create + join", .at_most = 9'000},
    {.name = "pipe_round_trip", .title = "pipe ping-pong, there and back", .at_most = 3'000},
    {.name = "pipe_64k", .title = "64 KB through a pipe to another process", .moved = 131'072},
    {.name = "socket_round_trip", .title = "unix socket ping-pong, there and back", .at_most = 4'000},
    {.name = "socket_64k", .title = "64 KB through a unix socket to another process", .moved = 131'072},
    {.name = "futex_round_trip", .title = "futex ping-pong between two threads"},
    {.name = "yield_round_trip", .title = "yield to another process and back"},
    {.name = "poll_64", .title = "poll of 64 pipes, none ready"},
    {.name = "select_64", .title = "select of 64 pipes, none ready"},
    {.name = "epoll_64", .title = "epoll_wait of 64 pipes, one ready"},
    {.name = "open_close", .title = "open + close", .at_most = 1'500},
    {.name = "open_close_deep", .title = "the same, eight directories down"},
    {.name = "stat", .title = "stat", .at_most = 900},
    {.name = "stat_missing", .title = "stat of a name that is not there"},
    {.name = "create_unlink", .title = "create + close + unlink"},
    {.name = "rename", .title = "rename"},
    {.name = "mkdir_rmdir", .title = "mkdir + rmdir"},
    {.name = "list_directory", .title = "getdents of a directory of 100 files"},
    {.name = "list_1000", .title = "getdents of a directory of 1,000 files"},
    {.name = "list_100000", .title = "getdents of a directory of 100,000 names"},
    {.name = "read_4k", .title = "read 4 KB of a file, one after the other", .moved = 4'096},
    {.name = "read_4k_random", .title = "pread 4 KB anywhere in a file of 8 MB", .moved = 4'096},
    {.name = "write_4k", .title = "overwrite 4 KB of a file, one after the other", .moved = 4'096},
    {.name = "write_4k_random", .title = "pwrite 4 KB anywhere in a file of 8 MB", .moved = 4'096},
    {.name = "append_4k", .title = "append 4 KB to a file", .moved = 4'096},
    {.name = "copy_16mb", .title = "copy a file of 16 MB by 64 KB", .moved = 33'554'432},
    {.name = "page_fault", .title = "anonymous page fault", .at_most = 1'200},
    {.name = "copy_on_write_fault", .title = "first write to a page shared by fork", .moved = 4'096},
    {.name = "file_fault", .title = "first read of a page of a mapped file"},
    {.name = "mmap_munmap", .title = "mmap + munmap of 64 KB, untouched"},
    {.name = "mprotect", .title = "mprotect of 64 KB, there and back"},
    {.name = "brk", .title = "brk up and down by 64 KB, untouched"},
    {.name = "signal", .title = "signal delivered and returned", .at_most = 1'250},
    {.name = "shell_200_forks", .title = "busybox sh: 200 times a subshell"},
    {.name = "find", .title = "busybox find: 1,000 files in 30 directories"},
    {.name = "tar", .title = "busybox tar: the same, to a file"},
    {.name = "gzip", .title = "busybox gzip: 1 MB", .beside = Beside::not_slower},
    {.name = "sha256sum", .title = "busybox sha256sum: 1 MB", .beside = Beside::not_slower},
    {.name = "container", .title = "create + destroy of a container", .at_most = 15'000},
    {.name = "container_join_leave", .title = "create + join + leave + destroy", .at_most = 25'000},
    {.name = "container_run", .title = "create, run a small static program in it, wait, destroy", .at_most = 150'000},
    {.name = "container_enter", .title = "a small static program run in a container that is there"},
    {.name = "container_command", .title = "the same life by command: box run --rm, crun run"},
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
