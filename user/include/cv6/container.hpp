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
};
}  // namespace call

struct ContainerCreate {
  static constexpr std::uint64_t read_only_root = 1;  // the flag: every change of its files fails with EROFS
  std::uint64_t flags = 0;
  const char* name = nullptr;      // none: "box-<id>"
  const char* hostname = nullptr;  // none: the name
  // The directory that the container's root is a copy-on-write view of (an image); none: all that the caller's container
  // sees. /proc and /dev are found in it where it has directories for them.
  const char* root = nullptr;
};
static_assert(sizeof(ContainerCreate) == 32);

struct PassedDescriptor {
  std::int32_t from;  // the caller's number
  std::int32_t to;    // the number in the new process
};

enum class SpawnPlace : std::uint32_t {
  background = 0,   // a process group of its own, in the caller's session
  foreground = 1,   // the same, and the terminal's foreground group
  new_session = 2,  // a session of its own, without a terminal
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
};
static_assert(sizeof(ContainerSpawn) == 56);

enum class ContainerState : std::uint32_t { ready, active, stopping };

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
};
static_assert(sizeof(ContainerStat) == 192);

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

// The container where the caller is; host_container outside of all.
inline int cid() { return static_cast<int>(::syscall(call::cid)); }

}  // namespace cv6
