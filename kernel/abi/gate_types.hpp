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
  std::uint64_t supervised[words];  // where not denied: the container's supervisor is asked; loosen: no more
  static constexpr std::size_t first_size = 304;  // without `supervised`
};
static_assert(sizeof(ContainerPolicy) == 448);

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

// open_container_supervisor(ContainerSupervisor*, size) -> a descriptor to answer supervised calls with. A read gives one
// SupervisedCall with `text_size` bytes behind it: the call as the log prints it. A write is one SupervisorAnswer.
struct ContainerSupervisor {
  static constexpr std::uint32_t nonblock = 1;
  std::int32_t id;
  std::uint32_t flags;
};
static_assert(sizeof(ContainerSupervisor) == 8);

struct SupervisedCall {
  std::uint64_t question;  // its number
  std::int32_t container;  // where the caller is: this container or one below
  std::int32_t process, thread;  // numbers as the reader knows them
  std::uint32_t abi;       // 0 Linux, 1 xv6
  std::uint32_t number;
  std::uint32_t text_size;
  std::uint64_t arguments[6];
};
static_assert(sizeof(SupervisedCall) == 80);

struct SupervisorAnswer {
  enum Action : std::uint32_t {
    run = 0,        // the call runs
    give = 1,       // it does not, and returns `value`
    fail = 2,       // it does not, and fails with errno `value`
    give_file = 3,  // it does not; the caller gets the answerer's descriptor `value` as one of its own, and its number
  };
  static constexpr std::uint32_t close_on_exec = 1;
  std::uint64_t question;
  std::uint32_t action;
  std::uint32_t flags;
  std::int64_t value;
};
static_assert(sizeof(SupervisorAnswer) == 24);

}  // namespace cv6
