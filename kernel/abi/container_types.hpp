// Structures of cv6's own calls on containers. They may grow at the end: a program says how large its version is, as for
// clone3(2). user/include/cv6/container.hpp is the same for programs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6 {

// create_container(ContainerCreate*, size) -> id. Strings are addresses of NUL-terminated text; 0: none given.
struct ContainerCreate {
  static constexpr std::size_t first_size = 24;  // without `scheduling` and what is behind it
  static constexpr std::uint64_t may_nest = 1;   // its own root may make containers below it
  static constexpr std::uint64_t temporary = 2;  // it is destroyed when its last process ends or leaves
  static constexpr std::uint64_t read_only_root = 4;
  static constexpr std::uint64_t all_flags = 7;
  std::uint64_t flags;
  std::uint64_t name;      // none: "box-<id>"
  std::uint64_t hostname;  // none: the name
  std::uint64_t scheduling;  // address of a ContainerScheduling, of which what `change` names counts; 0: the defaults
  std::uint64_t root;        // a directory that the caller sees; 0: all that the caller's container sees
};
static_assert(sizeof(ContainerCreate) == 40);

// spawn_container(ContainerSpawn*, size) -> the process's number as the caller sees it.
struct ContainerSpawn {
  static constexpr std::uint32_t foreground = 1;   // its group becomes the terminal's foreground group
  static constexpr std::uint32_t new_session = 2;  // a session of its own; both: on the terminal that is its descriptor 0
  static constexpr std::uint32_t first_size = 56;  // without user and group
  std::int32_t id;
  std::uint32_t flags;
  std::uint64_t path;          // of the program, in the container's view
  std::uint64_t arguments;     // arrays of string addresses that end with 0, as for execve(2)
  std::uint64_t environment;
  std::uint64_t directory;     // where it starts; 0: "/"
  std::uint64_t descriptors;   // array of PassedDescriptor
  std::uint64_t descriptor_count;
  std::uint32_t user, group;
};
static_assert(sizeof(ContainerSpawn) == 64);

struct PassedDescriptor {
  std::int32_t from;  // the caller's
  std::int32_t to;    // the number in the new process
};

// stat_container(ContainerStat*, size): `which` and `id` or `name` say which one; the rest is the answer.
struct ContainerStat {
  enum Which : std::uint32_t { by_id = 0, next_after_id = 1, by_name = 2 };
  static constexpr std::size_t text_size = 72;
  static constexpr std::size_t first_size = 192;  // up to `hostname`
  std::int32_t id;
  std::uint32_t which;
  std::int32_t parent;
  std::uint32_t state;  // 0 ready, 1 active, 2 stopping, 3 frozen
  std::uint32_t depth;
  std::uint32_t processes;
  std::uint64_t memory;       // bytes, now
  std::uint64_t memory_peak;
  std::uint64_t cpu_time;     // nanoseconds
  char name[text_size];
  char hostname[text_size];
  // Since 1970, in nanoseconds; 0: not yet.
  std::uint64_t created, started, ended;
  std::int32_t first_process;  // its number as the caller sees it; 0: none
  std::int32_t status;         // of the last first process: as wait(2) has it
  std::uint32_t starts;        // how many first processes there have been
  std::uint32_t flags;         // of ContainerCreate
};
static_assert(sizeof(ContainerStat) == 232);

// open_container_console(ContainerConsoleOpen*, size) -> descriptor: of the log, for reading, or with write_output or
// write_error for a program inside to write to. make_terminal: the console becomes a terminal (again a new one), and the
// descriptor is the terminal, for a program inside. terminal: for reading and for typing on it; ENOTTY.
struct ContainerConsoleOpen {
  enum Flags : std::uint32_t { write_output = 1, write_error = 2, follow = 4, new_only = 8, nonblock = 16, make_terminal = 32,
                               terminal = 64, all = 127 };
  std::int32_t id;
  std::uint32_t flags;
  std::int32_t forward;   // descriptor that gets what is written as well; -1: none
  std::uint32_t reserved;
};
static_assert(sizeof(ContainerConsoleOpen) == 16);

// container_annotation(ContainerAnnotation*, size) -> length: the text that whoever manages the container noted down.
struct ContainerAnnotation {
  enum Operation : std::uint32_t { get = 0, set = 1 };
  std::int32_t id;
  std::uint32_t operation;
  std::uint64_t text;   // address
  std::uint64_t size;   // of the text, or of the room for it
};
static_assert(sizeof(ContainerAnnotation) == 24);

// container_descriptor(ContainerDescriptor*, size): the open descriptor of a process of container `id` after (process,
// descriptor) in the order of these two.
struct ContainerDescriptor {
  static constexpr std::size_t name_size = 256;
  std::int32_t id;
  std::int32_t process;     // as the caller numbers processes; asked for by: after this one (0: from the first)
  std::int32_t descriptor;  // and after this one (-1: from the first)
  std::int32_t container_descriptor;  // the answer: the container's number for it; -1: none
  std::uint32_t readable, writable;
  std::uint64_t position;
  char name[name_size];     // as seen inside
};
static_assert(sizeof(ContainerDescriptor) == 288);

// container_limit(ContainerLimit*, size): gets or sets one limit; then its counters are filled in.
struct ContainerLimit {
  enum Operation : std::uint32_t { get = 0, set = 1 };
  enum Kind : std::uint32_t { processes = 0, open_files = 1, memory = 2, disk = 3, messages = 4 };
  static constexpr std::uint64_t unlimited = UINT64_MAX;
  std::int32_t id;
  std::uint32_t operation;
  std::uint32_t kind;
  std::uint32_t reserved;
  std::uint64_t limit;
  std::uint64_t current, peak, refusals;  // the answer: of the container with all below it
  std::uint64_t victims;                  // memory: processes that were ended at the limit
};
static_assert(sizeof(ContainerLimit) == 56);

// container_scheduling(ContainerScheduling*, size): changes what `change` names, all of it or nothing; then all is filled in
// as it is.
struct ContainerScheduling {
  enum Change : std::uint32_t { set_policy = 1, set_weight = 2, set_quota = 4, set_frozen = 8, set_log = 16 };
  static constexpr std::uint32_t all_changes = 31, changes_at_creation = set_policy | set_weight | set_quota;
  static constexpr std::size_t policy_size = 24;
  static constexpr std::uint64_t unlimited = UINT64_MAX;
  std::int32_t id;
  std::uint32_t change;
  // Settings:
  char policy[policy_size];
  std::uint64_t seed;       // comes with the policy; 0: one by chance
  std::uint32_t weight;     // 1 .. 10,000
  std::uint32_t frozen;     // 0 or 1
  std::uint64_t quota;      // microseconds of processor time per period; or unlimited
  std::uint64_t period;     // microseconds
  std::uint32_t log;        // 0 or 1
  std::int32_t log_to;      // comes with log = 1: descriptor for the lines; -1: none
  // The answer:
  std::uint32_t throttled;  // 1: the quota of this period is used up
  std::uint32_t running, queued, stopped;  // threads
  std::uint64_t cpu_time, total_cpu_time;  // nanoseconds: its own, with what is below
  std::uint64_t decisions, lost_decisions;
  std::uint64_t throttled_count, throttled_time;
};
static_assert(sizeof(ContainerScheduling) == 136);

// container_process(ContainerProcess*, size): the process of container `id` with the lowest number greater than `after`.
struct ContainerProcess {
  enum State : std::uint32_t { v_runnable = 0, v_running = 1, v_waiting = 2 };
  static constexpr std::size_t name_size = 16;
  std::int32_t id;
  std::int32_t after;      // as the caller numbers processes
  std::int32_t number;     // the answer: the same
  std::int32_t number_inside;
  std::uint32_t v_state;   // of its threads the most active one's
  std::int32_t nice;
  std::uint32_t threads;
  std::uint32_t cpu;       // where it ran last
  std::uint64_t decisions, cpu_time;
  char name[name_size];
};
static_assert(sizeof(ContainerProcess) == 64);

// container_decisions(id, ContainerDecision*, count) -> how many: the oldest that nobody has read, while the log is on.
struct ContainerDecision {
  std::uint64_t time;      // nanoseconds, monotonic clock
  std::int32_t process;    // its number inside
  std::uint32_t cpu;
};
static_assert(sizeof(ContainerDecision) == 16);

}  // namespace cv6
