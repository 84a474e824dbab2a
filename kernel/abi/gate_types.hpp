// Structures of cv6's own calls on the system-call gate. They may grow at the end, as for clone3(2).
// user/include/cv6/gate.hpp is the same for programs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cv6 {

// container_policy(ContainerPolicy*, size) -> 0. Bit n of the words 0..16: Linux call n, and bit 1087 all from there on;
// word 17: those of xv6, bit 63 all from there on.
struct ContainerPolicy {
  enum Operation : std::uint32_t {
    get_own = 0,        // the answer: the container's own rules
    get_effective = 1,  // the answer: with those of all containers above it
    replace = 2,        // the own rules become these
    tighten = 3,        // what is denied here is denied as well
    loosen = 4,         // what is denied here is denied no more
  };
  static constexpr std::size_t words = 18;
  std::int32_t id;
  std::uint32_t operation;
  std::uint64_t flags;  // 0
  std::uint64_t denied[words];
  std::uint64_t fatal[words];  // of the denied ones: the process is ended
};
static_assert(sizeof(ContainerPolicy) == 304);

// container_log(ContainerLog*, size) -> 0: what is logged, and how much has been.
struct ContainerLog {
  enum Operation : std::uint32_t { get = 0, set = 1 };
  static constexpr std::uint32_t counts = 1;   // a counter for each call
  static constexpr std::uint32_t records = 2;  // a record of each call; else only of denied ones
  static constexpr std::uint32_t texts = 4;    // records have the strings that arguments point to
  std::int32_t id;
  std::uint32_t operation;
  std::uint32_t what;
  std::uint32_t capacity;  // of the ring, in records
  // The answer:
  std::uint64_t recorded;     // ever
  std::uint64_t lost;         // of these
  std::uint64_t denied;       // calls, ever
  std::uint64_t unannounced;  // of these: without a line on the console
  std::uint64_t memory;       // bytes that the container is charged
};
static_assert(sizeof(ContainerLog) == 56);

// open_container_log(ContainerLogOpen*, size) -> a descriptor from which lines of text are read.
struct ContainerLogOpen {
  static constexpr std::uint32_t follow = 1;    // at the end, wait for more, until the container is empty or gone
  static constexpr std::uint32_t new_only = 2;  // nothing of what is in the log already
  static constexpr std::uint32_t times = 4;     // each line says when
  static constexpr std::uint32_t nonblock = 8;
  std::int32_t id;
  std::uint32_t flags;
};
static_assert(sizeof(ContainerLogOpen) == 8);

// container_call_counts(ContainerCallCounts*, size) -> how many counters there are in `counts` now. The n-th is that of
// bit first + n of a ContainerPolicy.
struct ContainerCallCount {
  std::uint64_t calls;
  std::uint64_t failures;
  std::uint64_t nanoseconds;
};
struct ContainerCallCounts {
  std::int32_t id;
  std::uint32_t first;
  std::uint64_t counts;  // array of ContainerCallCount
  std::uint64_t count;
};
static_assert(sizeof(ContainerCallCounts) == 24);

}  // namespace cv6
