// What `./cv6 bench` measures in several sizes: how an operation's cost grows with the number of other things of its
// kind, and what it costs when several processors do it at once. Known to the programs that measure and to the driver, as
// metrics.hpp is.
#pragma once

#include <span>
#include <string>

#include "metrics.hpp"

namespace cv6::bench {

/// What the size is: so many others are there, or so many processors do it at once.
enum class Along { others, processors };

struct Series {
  std::string_view name;
  std::string_view title;
  Along along;
  Beside beside = Beside::half;  ///< `nothing`: Linux is not asked
};

inline constexpr auto all_series = std::to_array<Series>({
    {.name = "among_containers",
     .title = "create + destroy of a container",
     .along = Along::others,
     .beside = Beside::nothing},
    {.name = "among_processes", .title = "fork + exit + wait beside other processes", .along = Along::others},
    {.name = "among_files", .title = "open + close beside other open files", .along = Along::others},
    {.name = "among_mappings", .title = "mmap + munmap of 64 KB beside other mappings", .along = Along::others},
    {.name = "at_once_null_call", .title = "null system call", .along = Along::processors},
    {.name = "at_once_open_close", .title = "open + close, a file each", .along = Along::processors},
    {.name = "at_once_stat", .title = "stat of the same file", .along = Along::processors},
    {.name = "at_once_create_unlink", .title = "create + close + unlink in one directory", .along = Along::processors},
    {.name = "at_once_page_fault", .title = "anonymous page fault", .along = Along::processors},
    {.name = "at_once_fork_wait", .title = "fork + exit + wait", .along = Along::processors},
    {.name = "at_once_thread_join", .title = "thread create + join", .along = Along::processors},
    {.name = "at_once_pipe_round_trip", .title = "pipe ping-pong", .along = Along::processors},
    {.name = "at_once_container", .title = "create + destroy of a container", .along = Along::processors},
});

inline constexpr auto numbers_of_others = std::to_array<unsigned>({1, 10, 100, 1'000, 10'000});
inline constexpr auto numbers_of_processors = std::to_array<unsigned>({1, 2, 4, 8});

constexpr std::span<const unsigned> sizes_of(Along along) {
  if (along == Along::others) return numbers_of_others;
  return numbers_of_processors;
}

/// How one size of a series is called, where a metric has its name.
inline std::string name_of(const Series& series, unsigned size) {
  return std::string{series.name} + "/" + std::to_string(size);
}

/// The series called `name`; a name that is not in the table does not compile.
consteval const Series& series(std::string_view name) { return *std::ranges::find(all_series, name, &Series::name); }

}  // namespace cv6::bench
