// The system-call gate of containers, for programs: which calls a container's processes may make, and the log of those that
// they make. Part of cv6/container.hpp.
//
// ESRCH  no such container, as far as the caller may know
// EPERM  not root; or the caller is inside and wants anything but to see or tighten its container's policy
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace cv6 {

namespace call {
enum GateNumber : long {
  container_policy = 1040,
  container_log,
  open_container_log,
  container_call_counts,
  open_container_supervisor,
};
}  // namespace call

// System calls by number: the Linux ones, and after them those of xv6. The last place of each range stands for all numbers
// from there on.
class CallSet {
 public:
  static constexpr unsigned linux_calls = 1088, xv6_calls = 64, size = linux_calls + xv6_calls;
  static constexpr unsigned place_of_linux(unsigned number) {
    return number < linux_calls - 1 ? number : linux_calls - 1;
  }
  static constexpr unsigned place_of_xv6(unsigned number) {
    return linux_calls + (number < xv6_calls - 1 ? number : xv6_calls - 1);
  }

  bool has(unsigned place) const { return words_[place / 64] >> (place % 64) & 1; }
  CallSet& add(unsigned place) {
    words_[place / 64] |= std::uint64_t{1} << (place % 64);
    return *this;
  }
  CallSet& remove(unsigned place) {
    words_[place / 64] &= ~(std::uint64_t{1} << (place % 64));
    return *this;
  }
  static CallSet all() {
    CallSet set;
    for (std::uint64_t& word : set.words_) word = ~std::uint64_t{0};
    return set;
  }
  bool operator==(const CallSet&) const = default;

 private:
  std::uint64_t words_[size / 64] = {};
};

struct ContainerPolicy {
  enum class Operation : std::uint32_t {
    get_own = 0,        // fills in the container's own rules
    get_effective = 1,  // with those of the containers above it: what counts
    replace = 2,        // the own rules become these
    tighten = 3,        // what is denied here is denied as well
    loosen = 4,         // what is denied here is denied no more (by the own rules)
  };
  std::int32_t id = 0;
  Operation operation = Operation::get_effective;
  std::uint64_t flags = 0;
  CallSet denied;  // fails with EPERM
  CallSet fatal;   // of the denied ones: ends the process, as SIGSYS does
  CallSet supervised;  // where not denied: the container's supervisor is asked (open_container_supervisor); while there is
                       // none it fails with EPERM. `loosen`: it is asked no more
};
static_assert(sizeof(ContainerPolicy) == 448);

struct ContainerLog {
  enum class Operation : std::uint32_t { get = 0, set = 1 };
  static constexpr std::uint32_t counts = 1;   // a counter for each call
  static constexpr std::uint32_t records = 2;  // a record of each call; else only of denied ones
  static constexpr std::uint32_t texts = 4;    // records have the strings that arguments point to
  std::int32_t id = 0;
  Operation operation = Operation::get;
  std::uint32_t what = 0;
  std::uint32_t capacity = 0;  // of the ring, in records (256 bytes each); 0 with `what` 0 drops ring and counters
  // The answer:
  std::uint64_t recorded = 0;     // ever
  std::uint64_t lost = 0;         // of these
  std::uint64_t denied = 0;       // calls, ever
  std::uint64_t unannounced = 0;  // of these: without a line on the console
  std::uint64_t memory = 0;       // bytes that the container is charged
};
static_assert(sizeof(ContainerLog) == 56);

struct ContainerLogOpen {
  static constexpr std::uint32_t follow = 1;    // at the end, wait for more, until the container is empty or gone
  static constexpr std::uint32_t new_only = 2;  // nothing of what is in the log already
  static constexpr std::uint32_t times = 4;     // each line says when
  static constexpr std::uint32_t nonblock = 8;
  std::int32_t id = 0;
  std::uint32_t flags = 0;
};
static_assert(sizeof(ContainerLogOpen) == 8);

struct ContainerCallCount {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;
  std::uint64_t nanoseconds = 0;
};
struct ContainerCallCounts {
  std::int32_t id = 0;
  std::uint32_t first = 0;  // a place in a CallSet
  ContainerCallCount* counts = nullptr;
  std::uint64_t count = 0;
};
static_assert(sizeof(ContainerCallCounts) == 24);

struct ContainerSupervisor {
  static constexpr std::uint32_t nonblock = 1;
  std::int32_t id = 0;
  std::uint32_t flags = 0;
};
static_assert(sizeof(ContainerSupervisor) == 8);

// What a supervisor is asked: a thread inside waits in this call for the answer. Behind it `text_size` bytes: the call as the
// log prints it, with strings as they were when it began. (What pointers lead to can change while a call is held: decide by
// numbers and by what is in registers, or give the result yourself.)
struct SupervisedCall {
  static constexpr std::size_t longest = 2048;  // with its text: enough room for a read
  std::uint64_t question = 0;  // its number
  std::int32_t container = 0;  // where the caller is: this container or one below it
  std::int32_t process = 0, thread = 0;
  std::uint32_t abi = 0;  // 0 Linux, 1 xv6
  std::uint32_t number = 0;
  std::uint32_t text_size = 0;
  std::uint64_t arguments[6] = {};
};
static_assert(sizeof(SupervisedCall) == 80);

struct SupervisorAnswer {
  enum class Action : std::uint32_t {
    run = 0,        // the call runs
    give = 1,       // it does not, and returns `value`
    fail = 2,       // it does not, and fails with errno `value`
    give_file = 3,  // it does not; the caller gets the answerer's descriptor `value` as one of its own, and its number
  };
  static constexpr std::uint32_t close_on_exec = 1;  // with give_file
  std::uint64_t question = 0;
  Action action = Action::run;
  std::uint32_t flags = 0;
  std::int64_t value = 0;
};
static_assert(sizeof(SupervisorAnswer) == 24);

// Shows or changes the rules; a change counts for every call that begins afterwards. EINVAL: fatal, and not denied.
inline int container_policy(ContainerPolicy& policy) {
  return static_cast<int>(::syscall(call::container_policy, &policy, sizeof policy));
}
// Shows or changes what is logged. EINVAL: records without a ring, or one of more than 65536; ENOMEM.
inline int container_log(ContainerLog& log) {
  return static_cast<int>(::syscall(call::container_log, &log, sizeof log));
}
// A descriptor that gives the log as lines, as strace(1) prints them; a read gives whole lines (EINVAL: it has no room for
// one), 0 at the end.
inline int open_container_log(const ContainerLogOpen& wanted) {
  return static_cast<int>(::syscall(call::open_container_log, &wanted, sizeof wanted));
}
// A descriptor to supervise the container's calls with, until it is closed: read(2) gives a SupervisedCall (0: the container
// is empty or gone), write(2) takes a SupervisorAnswer. open: EBUSY, there is a supervisor. write: ENOENT, nobody waits for
// this answer (any more: a signal came); EINVAL, an unknown action, flag or errno; EBADF.
inline int open_container_supervisor(const ContainerSupervisor& wanted) {
  return static_cast<int>(::syscall(call::open_container_supervisor, &wanted, sizeof wanted));
}
// The counters of calls from `first` on; returns how many. ENODATA: nothing is counted.
inline long container_call_counts(const ContainerCallCounts& wanted) {
  return ::syscall(call::container_call_counts, &wanted, sizeof wanted);
}

}  // namespace cv6
