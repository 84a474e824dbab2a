// Containers of cv6, for programs: the system calls from 1024 up, with their structures.
//
// Every function returns -1 with errno where it fails, as system calls of the C library do:
//   ESRCH  no such container, as far as the caller may know         EPERM  only root on the host may
//   EBUSY  the caller is in it, or has joined one already            EEXIST, EINVAL  the name is taken, is none
// Structures may grow at their ends; each call says how large the caller's version is.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "cv6/files.hpp"
#include "cv6/gate.hpp"
#include "cv6/memory.hpp"

namespace cv6 {

inline constexpr int host_container = -1;  // the id of the host

namespace call {
enum Number : long {
  create_container = 1024,
  destroy_container,
  join_container,
  leave_container,
  spawn_container,
  stat_container,
  cid,
  container_limit,
  open_container_console,
  wait_container,
  rename_container,
  container_annotation,
  container_descriptor,
  container_scheduling = 1050,
  container_process,
  container_decisions,
};
}  // namespace call

struct ContainerScheduling;

struct ContainerCreate {
  static constexpr std::uint64_t may_nest = 1;   // root inside may make containers below it
  static constexpr std::uint64_t temporary = 2;  // it is destroyed when its last process ends or leaves
  static constexpr std::uint64_t read_only_root = 4;  // the flag: every change of its files fails with EROFS
  std::uint64_t flags = 0;
  const char* name = nullptr;      // none: "box-<id>"
  const char* hostname = nullptr;  // none: the name
  const ContainerScheduling* scheduling = nullptr;  // policy, weight and quota, as far as its `change` names them
  // The directory that the container's root is a copy-on-write view of (an image); none: all that the caller's container
  // sees. /proc and /dev are found in it where it has directories for them.
  const char* root = nullptr;
};
static_assert(sizeof(ContainerCreate) == 40);

struct PassedDescriptor {
  std::int32_t from;  // the caller's number
  std::int32_t to;    // the number in the new process
};

enum class SpawnPlace : std::uint32_t {
  background = 0,   // a process group of its own, in the caller's session
  foreground = 1,   // the same, and the terminal's foreground group
  new_session = 2,  // a session of its own, without a terminal
  terminal_session = 3,  // a session of its own, on the terminal that is its descriptor 0
};

struct ContainerSpawn {
  std::int32_t id = 0;
  SpawnPlace place = SpawnPlace::background;
  const char* path = nullptr;  // of the program, as the container sees it
  const char* const* arguments = nullptr;
  const char* const* environment = nullptr;
  const char* directory = nullptr;  // where it starts; none: "/"
  const PassedDescriptor* descriptors = nullptr;
  std::uint64_t descriptor_count = 0;
  std::uint32_t user = 0, group = 0;
};
static_assert(sizeof(ContainerSpawn) == 64);

enum class ContainerState : std::uint32_t { ready, active, stopping, frozen };

struct ContainerStat {
  enum class Which : std::uint32_t { by_id, next_after_id, by_name };
  static constexpr std::size_t text_size = 72;
  // Asked for by:
  std::int32_t id = host_container;
  Which which = Which::by_id;
  // The answer:
  std::int32_t parent = 0;
  ContainerState state = ContainerState::ready;
  std::uint32_t depth = 0;
  std::uint32_t processes = 0;
  std::uint64_t memory = 0;  // bytes
  std::uint64_t memory_peak = 0;
  std::uint64_t cpu_time = 0;  // nanoseconds
  char name[text_size] = {};   // asked for by as well
  char hostname[text_size] = {};
  // The first process that was spawned inside; everything inside ends with it. Times: nanoseconds since 1970, 0: not yet.
  std::uint64_t created = 0, started = 0, ended = 0;
  std::int32_t first_process = 0;  // its number as the caller sees it; 0: there is none now
  std::int32_t status = 0;         // how the last one ended, as wait(2) has it
  std::uint32_t starts = 0;        // how many there have been
  std::uint32_t flags = 0;         // of ContainerCreate
};
static_assert(sizeof(ContainerStat) == 232);

// A container's console: what its programs print and the kernel says about it. It is kept, up to 256 kB, until the container
// is destroyed.
struct ContainerConsoleOpen {
  static constexpr std::uint32_t write_output = 1;  // for a program inside: its standard output
  static constexpr std::uint32_t write_error = 2;   // or its standard error
  // For reading; each read gives whole entries.
  static constexpr std::uint32_t follow = 4;        // at the end, wait for more, until the container is empty or gone
  static constexpr std::uint32_t new_only = 8;      // nothing of what has been written already
  static constexpr std::uint32_t nonblock = 16;
  // The console becomes a terminal, a new one each time, whose other end the kernel holds: what is printed on it is what the
  // console keeps. The descriptor is for a program inside (its 0, 1 and 2).
  static constexpr std::uint32_t make_terminal = 32;
  // With those for reading: what is written to the descriptor is typed on that terminal, and tty_ioctl(4) is about it.
  // ENOTTY: there is none.
  static constexpr std::uint32_t terminal = 64;
  std::int32_t id = host_container;
  std::uint32_t flags = 0;
  // For writing: a descriptor that gets it all as well, and stands for the terminal if it is one. It may be a console's, to
  // a depth of eight (ELOOP).
  std::int32_t forward = -1;
  std::uint32_t reserved = 0;
};
static_assert(sizeof(ContainerConsoleOpen) == 16);

// What a read gives: this, then `size` bytes, padded to a multiple of 8. Buffers of at least `enough` bytes.
struct ContainerConsoleEntry {
  static constexpr std::size_t enough = 8192;
  enum class Stream : std::uint32_t { lost, output, error, kernel };  // lost: so many bytes are gone, and none follow
  std::uint64_t time;  // nanoseconds since 1970
  std::uint32_t size;
  Stream stream;
};
static_assert(sizeof(ContainerConsoleEntry) == 16);

struct ContainerAnnotation {
  enum class Operation : std::uint32_t { get, set };
  static constexpr std::size_t longest = 16384;
  std::int32_t id = host_container;
  Operation operation = Operation::get;
  char* text = nullptr;
  std::uint64_t size = 0;
};
static_assert(sizeof(ContainerAnnotation) == 24);

struct ContainerDescriptor {
  std::int32_t id = host_container;  // asked for: of which container,
  std::int32_t process = 0;          // the one after this descriptor of this process
  std::int32_t descriptor = -1;
  std::int32_t container_descriptor = -1;  // the answer: the container's number for it; -1: none
  std::uint32_t readable = 0, writable = 0;
  std::uint64_t position = 0;
  char name[256] = {};               // as seen inside
};
static_assert(sizeof(ContainerDescriptor) == 288);

// What a container and all below it may use of something.
struct ContainerLimit {
  enum class Operation : std::uint32_t { get, set };
  enum class Kind : std::uint32_t {
    processes,   // and their threads; until they are reaped. Beyond: EAGAIN
    open_files,  // descriptors of all processes. Beyond: EMFILE
    memory,      // bytes, in whole pages, the kernel's for the container included. Beyond: ENOMEM, or the largest process ends
    disk = 3,    // bytes of files that were written or made, in whole pages, without volumes and tmpfs. Beyond: EDQUOT
    messages,    // that wait for its processes (docs/xv6.md). Beyond: sending fails
  };
  static constexpr std::uint64_t unlimited = UINT64_MAX;
  std::int32_t id = host_container;
  Operation operation = Operation::get;
  Kind kind = Kind::processes;
  std::uint32_t reserved = 0;
  std::uint64_t limit = unlimited;
  // The answer:
  std::uint64_t current = 0;
  std::uint64_t peak = 0;      // ever
  std::uint64_t refusals = 0;  // how often the limit was in the way
  std::uint64_t victims = 0;   // memory: how many processes were ended because of it
};
static_assert(sizeof(ContainerLimit) == 56);

// How a container shares the processors, and what its virtual scheduler decided (docs/scheduler.md).
struct ContainerScheduling {
  enum Change : std::uint32_t { policy_and_seed = 1, weight_only = 2, quota_and_period = 4, freezing = 8, logging = 16 };
  static constexpr std::uint64_t unlimited = UINT64_MAX;
  std::int32_t id = host_container;
  std::uint32_t change = 0;   // what is to be changed (at creation: the first three); the rest is only filled in
  char policy[24] = {};       // "round-robin", "fair", "priority", "lottery", "fifo"
  std::uint64_t seed = 0;     // of the lottery; 0: one by chance
  std::uint32_t weight = 100;  // 1 .. 10,000, against its siblings
  std::uint32_t frozen = 0;   // 0 or 1
  std::uint64_t quota = unlimited;  // microseconds of processor time, on all processors together, per period
  std::uint64_t period = 100'000;   // microseconds, 1,000 .. 1,000,000
  std::uint32_t log = 0;      // the scheduler log: 0 or 1
  std::int32_t log_to = -1;   // descriptor that its lines are written to; -1: none, container_decisions() reads them
  // The answer:
  std::uint32_t throttled = 0;  // 1: the quota of this period is used up
  std::uint32_t running = 0, queued = 0, stopped = 0;      // its threads now
  std::uint64_t cpu_time = 0, total_cpu_time = 0;          // nanoseconds: its own, and with what is below it
  std::uint64_t decisions = 0, lost_decisions = 0;         // of its virtual scheduler; lost by its log
  std::uint64_t throttled_count = 0, throttled_time = 0;   // how often its quota was used up, and nanoseconds until refill
};
static_assert(sizeof(ContainerScheduling) == 136);

enum class VirtualState : std::uint32_t { runnable, running, waiting };

struct ContainerProcess {
  std::int32_t id = host_container;  // asked for: of which container,
  std::int32_t after = 0;            // the process with the lowest number greater than this
  std::int32_t number = 0;           // the answer: its number as the caller sees it,
  std::int32_t number_inside = 0;    // and as it sees itself
  VirtualState v_state = VirtualState::waiting;
  std::int32_t nice = 0;
  std::uint32_t threads = 0;
  std::uint32_t cpu = 0;             // where it ran last
  std::uint64_t decisions = 0;       // how often it was chosen
  std::uint64_t cpu_time = 0;        // nanoseconds
  char name[16] = {};
};
static_assert(sizeof(ContainerProcess) == 64);

struct ContainerDecision {
  std::uint64_t time = 0;    // nanoseconds, CLOCK_MONOTONIC
  std::int32_t process = 0;  // that was chosen, by its number inside
  std::uint32_t cpu = 0;
};
static_assert(sizeof(ContainerDecision) == 16);

// A new container below the caller's; its id.
inline int create_container(const ContainerCreate& wanted) {
  return static_cast<int>(::syscall(call::create_container, &wanted, sizeof wanted));
}

// Ends everything in it and removes it; returns when nothing is left.
inline int destroy_container(int id) { return static_cast<int>(::syscall(call::destroy_container, id)); }

// The calling process, with all its threads, moves into the container; and back.
inline int join_container(int id) { return static_cast<int>(::syscall(call::join_container, id)); }
inline int leave_container() { return static_cast<int>(::syscall(call::leave_container)); }

// A new process inside, with nothing of the caller's but what is passed; its number, for waitpid(2).
inline pid_t spawn_container(const ContainerSpawn& wanted) {
  return static_cast<pid_t>(::syscall(call::spawn_container, &wanted, sizeof wanted));
}

// Fills in `stat` about the container that it asks for.
inline int stat_container(ContainerStat& stat) {
  return static_cast<int>(::syscall(call::stat_container, &stat, sizeof stat));
}

// Gets or sets one limit, which counts for what comes next: what is over it stays. EINVAL: no such kind.
inline int container_limit(ContainerLimit& limit) {
  return static_cast<int>(::syscall(call::container_limit, &limit, sizeof limit));
}

// Changes what `scheduling.change` names, and fills in all of it. EINVAL: no such policy, weight or quota.
inline int container_scheduling(ContainerScheduling& scheduling) {
  return static_cast<int>(::syscall(call::container_scheduling, &scheduling, sizeof scheduling));
}

// Fills in `process` about the next one of the container; ESRCH: there is none.
inline int container_process(ContainerProcess& process) {
  return static_cast<int>(::syscall(call::container_process, &process, sizeof process));
}

// Takes the oldest decisions that nobody has read, while the container's scheduler log is on; how many.
inline int container_decisions(int id, ContainerDecision* decisions, unsigned count) {
  return static_cast<int>(::syscall(call::container_decisions, id, decisions, count));
}

// A descriptor of the container's console (ContainerConsoleOpen).
inline int open_container_console(const ContainerConsoleOpen& wanted) {
  return static_cast<int>(::syscall(call::open_container_console, &wanted, sizeof wanted));
}

// Waits until nobody is inside; the status of the last first process.
inline int wait_container(int id) { return static_cast<int>(::syscall(call::wait_container, id)); }

inline int rename_container(int id, const char* name) {
  return static_cast<int>(::syscall(call::rename_container, id, name));
}

// Gets or sets a text that means something to whoever manages the container; its length, also if there was less room.
inline int container_annotation(const ContainerAnnotation& annotation) {
  return static_cast<int>(::syscall(call::container_annotation, &annotation, sizeof annotation));
}

// Fills in `descriptor` about the next one of the container's; ESRCH: there is none.
inline int container_descriptor(ContainerDescriptor& descriptor) {
  return static_cast<int>(::syscall(call::container_descriptor, &descriptor, sizeof descriptor));
}

// The container where the caller is; host_container outside of all.
inline int cid() { return static_cast<int>(::syscall(call::cid)); }

}  // namespace cv6
