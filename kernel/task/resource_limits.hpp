// The sixteen limits of a process, getrlimit(2). Numbers are those of the Linux ABI. Where a limit is enforced:
//   cpu              SIGXCPU each second beyond `soft`, SIGKILL at `hard` (cpu_timers.hpp)
//   file_size        SIGXFSZ and Error::fbig (fs/, through Process::check_file_size)
//   data, stack, address_space   AddressSpace::set_limits
//   core             no core files are written: kept only
//   resident         no effect, as on Linux
//   processes        clone: Error::again (per user and container; root is free of it)
//   open_files       DescriptorTable: Error::mfile
//   locked_memory    mlock's concern
//   file_locks       no effect, as on Linux
//   pending_signals  sigqueue, timers: Error::again
//   message_queues, nice, real_time_priority, real_time_runtime   kept for the calls that look at them
#pragma once

#include <array>
#include <cstdint>

#include "lib/result.hpp"
#include "lib/units.hpp"

namespace cv6 {

struct ResourceLimit {
  static constexpr std::uint64_t infinity = UINT64_MAX;
  std::uint64_t soft = infinity;
  std::uint64_t hard = infinity;
  bool operator==(const ResourceLimit&) const = default;
};

enum class Resource : std::uint8_t {
  cpu, file_size, data, stack, core, resident, processes, open_files, locked_memory, address_space, file_locks,
  pending_signals, message_queues, nice, real_time_priority, real_time_runtime
};
inline constexpr unsigned resource_count = 16;
// Of the hard limits: root may not raise them further.
inline constexpr std::uint64_t open_files_ceiling = 1'048'576;   // as fs.nr_open

struct ResourceLimits {
  std::array<ResourceLimit, resource_count> values;
  ResourceLimit& operator[](Resource which) { return values[static_cast<unsigned>(which)]; }
  const ResourceLimit& operator[](Resource which) const { return values[static_cast<unsigned>(which)]; }
  // RLIMIT_SIGPENDING, but never more than this: queues are gone through under a lock.
  std::uint64_t pending_signals() const {
    constexpr std::uint64_t most = 65'536;
    return std::min(values[static_cast<unsigned>(Resource::pending_signals)].soft, most);
  }
  // What the first process starts with.
  static ResourceLimits initial();
};

struct AddressSpaceLimits;
AddressSpaceLimits address_space_limits(const ResourceLimits& limits);

class Process;
class UserThread;

// prlimit(2) on a process that the caller has found. `fresh` null: only asks. Error::inval (soft > hard), Error::perm.
Result<ResourceLimit> change_limit(Process& caller, Process& process, Resource which, const ResourceLimit* fresh);

// getrusage(2), wait4(2).
struct ResourceUsage {
  Nanoseconds user_time = 0, system_time = 0;
  std::uint64_t peak_resident_pages = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::uint64_t blocks_read = 0, blocks_written = 0;
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;
  void add(const ResourceUsage& other);  // the peak is the greater one
};
inline Nanoseconds time_used(const ResourceUsage& usage) { return usage.user_time + usage.system_time; }
ResourceUsage usage_of(Process& process);            // its threads, those that have ended too
ResourceUsage usage_of_children(Process& process);   // reaped ones, and theirs
ResourceUsage usage_of_thread(const UserThread& thread);

}  // namespace cv6
