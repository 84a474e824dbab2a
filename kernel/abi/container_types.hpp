// Structures of cv6's own calls on containers. They may grow at the end: a program says how large its version is, as for
// clone3(2). user/include/cv6/container.hpp is the same for programs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6 {

// create_container(ContainerCreate*, size) -> id. Strings are addresses of NUL-terminated text; 0: none given.
struct ContainerCreate {
  static constexpr std::size_t first_size = 24;
  static constexpr std::uint64_t read_only_root = 1;
  std::uint64_t flags;
  std::uint64_t name;      // none: "box-<id>"
  std::uint64_t hostname;  // none: the name
  std::uint64_t root;      // a directory that the caller sees; none: all that the caller's container sees
};
static_assert(sizeof(ContainerCreate) == 32);

// spawn_container(ContainerSpawn*, size) -> the process's number as the caller sees it.
struct ContainerSpawn {
  static constexpr std::uint32_t foreground = 1;   // its group becomes the terminal's foreground group
  static constexpr std::uint32_t new_session = 2;  // a session of its own
  std::int32_t id;
  std::uint32_t flags;
  std::uint64_t path;          // of the program, in the container's view
  std::uint64_t arguments;     // arrays of string addresses that end with 0, as for execve(2)
  std::uint64_t environment;
  std::uint64_t directory;     // where it starts; 0: "/"
  std::uint64_t descriptors;   // array of PassedDescriptor
  std::uint64_t descriptor_count;
};
static_assert(sizeof(ContainerSpawn) == 56);

struct PassedDescriptor {
  std::int32_t from;  // the caller's
  std::int32_t to;    // the number in the new process
};

// stat_container(ContainerStat*, size): `which` and `id` or `name` say which one; the rest is the answer.
struct ContainerStat {
  enum Which : std::uint32_t { by_id = 0, next_after_id = 1, by_name = 2 };
  static constexpr std::size_t text_size = 72;
  std::int32_t id;
  std::uint32_t which;
  std::int32_t parent;
  std::uint32_t state;  // 0 ready, 1 active, 2 stopping
  std::uint32_t depth;
  std::uint32_t processes;
  std::uint64_t memory;       // bytes, now
  std::uint64_t memory_peak;
  std::uint64_t cpu_time;     // nanoseconds
  char name[text_size];
  char hostname[text_size];
};
static_assert(sizeof(ContainerStat) == 192);

}  // namespace cv6
