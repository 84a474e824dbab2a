// What `./cv6 run` and `./cv6 debug` are asked to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/outcome.hpp"

namespace cv6::host {

enum class MachineType { microvm, q35 };
enum class Timing { wall_clock, instruction_count };
enum class Processor { fastest, emulated };
enum class Debugger { none, gdb };

struct Addition {
  std::string host_path;
  std::string guest_path;  // absolute
};

struct Fetch {
  std::string guest_path;
  std::string host_path;
};

struct Options {
  MachineType machine = MachineType::microvm;
  unsigned processors = 1;
  std::uint64_t memory = 128 << 20;  // bytes
  std::string build;       // whose kernel to boot; empty: that of the runner's own build
  std::vector<Addition> additions;
  std::vector<Fetch> fetches;
  std::string append;      // further arguments for the kernel
  std::string kernel_log;  // empty: none wanted
  std::string monitor;     // a socket to be made for QEMU's monitor; empty: none wanted
  std::string plugin;      // of QEMU, a file and its arguments; empty: none wanted
  std::string kernel;      // empty: the one that was built
  std::string image;       // empty: the one that was built
  Processor processor = Processor::fastest;
  Timing timing = Timing::wall_clock;
  unsigned instruction_time = 1;  // nanoseconds, a power of two; with Timing::instruction_count
  Debugger debugger = Debugger::none;
  std::vector<std::string> command;  // empty: an interactive console
};

// Nothing more is to be done: the help has been printed (status 0), or a line about what is wrong (status 2).
struct Finished {
  int status;
};

std::variant<Options, Finished> parse_options(int count, const char* const* arguments);

// "64M", "1G", "512K" or a number of MiB; nothing if it is not one of these.
std::optional<std::uint64_t> parse_size(const std::string& text);

}  // namespace cv6::host
