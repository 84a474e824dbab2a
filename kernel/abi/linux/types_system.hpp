// Structures of the calls about processes, limits and the system (Linux UAPI: linux/sched.h, linux/resource.h,
// linux/sysinfo.h, linux/utsname.h, linux/capability.h, linux/futex.h, linux/wait.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/linux/types_time.hpp"

namespace cv6::linux_abi {

struct CloneArgs {
  std::uint64_t flags;
  std::uint64_t pidfd;
  std::uint64_t child_tid;
  std::uint64_t parent_tid;
  std::uint64_t exit_signal;
  std::uint64_t stack;
  std::uint64_t stack_size;
  std::uint64_t tls;
  std::uint64_t set_tid;
  std::uint64_t set_tid_size;
  std::uint64_t cgroup;
};
static_assert(sizeof(CloneArgs) == 88);
inline constexpr std::size_t clone_args_size_first = 64;  // CLONE_ARGS_SIZE_VER0

inline constexpr std::uint64_t clone_exit_signal_mask = 0xff;
inline constexpr std::uint64_t clone_vm = 0x100;
inline constexpr std::uint64_t clone_fs = 0x200;
inline constexpr std::uint64_t clone_files = 0x400;
inline constexpr std::uint64_t clone_sighand = 0x800;
inline constexpr std::uint64_t clone_pidfd = 0x1000;
inline constexpr std::uint64_t clone_ptrace = 0x2000;
inline constexpr std::uint64_t clone_vfork = 0x4000;
inline constexpr std::uint64_t clone_parent = 0x8000;
inline constexpr std::uint64_t clone_thread = 0x10000;
inline constexpr std::uint64_t clone_newns = 0x20000;
inline constexpr std::uint64_t clone_sysvsem = 0x40000;
inline constexpr std::uint64_t clone_settls = 0x80000;
inline constexpr std::uint64_t clone_parent_settid = 0x100000;
inline constexpr std::uint64_t clone_child_cleartid = 0x200000;
inline constexpr std::uint64_t clone_detached = 0x400000;
inline constexpr std::uint64_t clone_untraced = 0x800000;
inline constexpr std::uint64_t clone_child_settid = 0x1000000;
inline constexpr std::uint64_t clone_newcgroup = 0x2000000;
inline constexpr std::uint64_t clone_newuts = 0x4000000;
inline constexpr std::uint64_t clone_newipc = 0x8000000;
inline constexpr std::uint64_t clone_newuser = 0x10000000;
inline constexpr std::uint64_t clone_newpid = 0x20000000;
inline constexpr std::uint64_t clone_newnet = 0x40000000;
inline constexpr std::uint64_t clone_io = 0x80000000;
inline constexpr std::uint64_t clone_clear_sighand = 0x100000000;
inline constexpr std::uint64_t clone_into_cgroup = 0x200000000;

struct Rlimit {
  std::uint64_t rlim_cur;
  std::uint64_t rlim_max;
};

struct Rusage {
  Timeval ru_utime;
  Timeval ru_stime;
  std::int64_t ru_maxrss, ru_ixrss, ru_idrss, ru_isrss;
  std::int64_t ru_minflt, ru_majflt, ru_nswap;
  std::int64_t ru_inblock, ru_oublock;
  std::int64_t ru_msgsnd, ru_msgrcv, ru_nsignals;
  std::int64_t ru_nvcsw, ru_nivcsw;
};
static_assert(sizeof(Rusage) == 144);

struct Sysinfo {
  std::int64_t uptime;
  std::uint64_t loads[3];
  std::uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
  std::uint16_t procs;
  std::uint16_t padding[3];
  std::uint64_t totalhigh, freehigh;
  std::uint32_t mem_unit;
  std::uint32_t padding_at_end;
};
static_assert(sizeof(Sysinfo) == 112 && offsetof(Sysinfo, totalhigh) == 88);

struct Utsname {
  char sysname[65];
  char nodename[65];
  char release[65];
  char version[65];
  char machine[65];
  char domainname[65];
};
static_assert(sizeof(Utsname) == 390);

struct CapabilityHeader {
  std::uint32_t version;
  std::int32_t pid;
};
struct CapabilityData {
  std::uint32_t effective;
  std::uint32_t permitted;
  std::uint32_t inheritable;
};
inline constexpr std::uint32_t capability_version_1 = 0x19980330;
inline constexpr std::uint32_t capability_version_2 = 0x20071026;
inline constexpr std::uint32_t capability_version_3 = 0x20080522;

struct SchedParam {
  std::int32_t sched_priority;
};

struct RobustListHead {
  std::uint64_t next;
  std::int64_t futex_offset;
  std::uint64_t pending;
};
static_assert(sizeof(RobustListHead) == 24);

}  // namespace cv6::linux_abi
