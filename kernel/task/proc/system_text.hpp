// The texts about the system: meminfo, stat, uptime, loadavg, locks. proc(5).
#pragma once

#include "fs/file_locks.hpp"
#include "lib/format.hpp"
#include "sched/scheduler.hpp"

namespace cv6::proc {

// In pages.
struct MemoryFacts {
  std::uint64_t total = 0, free = 0;
  std::uint64_t files = 0;           // contents of files in memory: they have no other place, so none can be reclaimed
  std::uint64_t kernel_objects = 0;  // dentries and the like
};
void print_meminfo(Output& out, const MemoryFacts& facts);

// "cpu0 ...": a line of /proc/stat; `name` is padded by the caller ("cpu " for the sum).
void print_cpu_times(Output& out, std::string_view name, const sched::CpuTimes& times);

struct SystemFacts {
  std::uint64_t context_switches = 0;
  Nanoseconds boot_time = 0;  // since 1970
  std::uint64_t created = 0;  // processes and threads, since boot
  unsigned running = 0;
};
void print_system_counts(Output& out, const SystemFacts& facts);

void print_uptime(Output& out, Nanoseconds up, Nanoseconds idle);

struct LoadFacts {
  sched::LoadAverage average;
  unsigned running = 0, threads = 0;
  int last_number = 0;
};
void print_load(Output& out, const LoadFacts& facts);

// `index` counts the lines from 1; process: as the looker has it.
void print_lock(Output& out, unsigned index, const LockDescription& lock, int process);

// 16 bytes as a version 4 UUID (RFC 4122).
void print_uuid(Output& out, std::span<const std::byte, 16> bytes);

}  // namespace cv6::proc
