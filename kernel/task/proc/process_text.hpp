// The texts of /proc/PID that are about numbers: stat, statm, status, limits, io. proc(5); the order of the lines and
// the widths are those of Linux 6.1, because programs parse them.
#pragma once

#include <span>

#include "lib/format.hpp"
#include "task/process_info.hpp"
#include "task/resource_limits.hpp"

namespace cv6::proc {

// The numbers of a process at one level of the container tree.
struct LevelNumbers {
  int process = 0, thread = 0, group = 0, session = 0;
};

// All that stat, statm and status say.
struct ProcessFacts {
  ProcessInfo info;  // in files of /proc/PID/task/TID: number, state, name, times, signals and cpu are the thread's
  int process = 0;   // its number; info.number of a process
  bool has_memory = false;        // not a zombie
  bool addresses_visible = true;  // the looker may inspect it: else addresses are shown as 0 or 1
  bool has_executed = false;
  std::uint64_t resident_limit = UINT64_MAX;  // bytes
  std::uint64_t library_pages = 0;
  std::uintptr_t heap_start = 0;
  int exit_code = 0;      // as wait(2) reports it
  arch::CpuSet cpus = 0;  // may run on
  unsigned cpu_count = 1;
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;
  std::span<const LevelNumbers> levels;  // from the looker's to the process's own
};

void print_stat(Output& out, const ProcessFacts& facts);
void print_statm(Output& out, const AddressSpaceUsage& memory);
void print_status(Output& out, const ProcessFacts& facts);

void print_limits(Output& out, const ResourceLimits& limits);

struct IoFacts {
  std::uint64_t bytes_read = 0, bytes_written = 0, read_calls = 0, write_calls = 0;
  std::uint64_t device_bytes_read = 0, device_bytes_written = 0;
};
void print_io(Output& out, const IoFacts& facts);

// A name as stat and status show it: a newline as \n, a backslash as \\.
void print_escaped(Output& out, std::string_view name);
// "4f", as wide as `count` processors need; "0-3,6"
void print_cpu_mask(Output& out, arch::CpuSet cpus, unsigned count);
void print_cpu_list(Output& out, arch::CpuSet cpus);

// Times in /proc are clock ticks, 100 a second (USER_HZ).
constexpr std::uint64_t clock_ticks(Nanoseconds time) { return static_cast<std::uint64_t>(time) / 10'000'000; }
// A device number as stat(2) and proc(5) encode it in 32 bits.
constexpr std::uint32_t encode_device(DeviceNumber device) {
  const std::uint32_t minor = device_minor(device);
  return (minor & 0xff) | device_major(device) << 8 | (minor & ~0xffu) << 12;
}

}  // namespace cv6::proc
