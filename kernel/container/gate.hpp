// The system-call gate of a container: which calls its processes may make, and the log of those that they made.
//
// Every call, by whatever ABI and instruction, asks the gate before it runs. While nothing is denied and nothing is logged
// that is a test of one word, state(); with a policy, of one bit more. What does not pass unseen is dealt with by the ABI
// (abi/gate_entry.hpp), which knows names and arguments; the gate knows numbers.
//
// Policy. A container's own rules deny calls, and say of each denied one whether it fails with Error::perm or ends the
// process; and they hand calls to the container's supervisor. What counts is its own rules and those of all containers above
// it, the strictest action of each: ContainerManager::call_action finds it. Which calls are concerned at all is kept ready in
// stopped_, of this container and all below it, whenever rules change. A new container starts with what is above.
//
// The rules are covered by the container manager's table lock (ContainerManager::change_call_rules changes them);
// the ready set and the state are read without it. A change counts for every call that begins after it.
#pragma once

#include "container/call_log.hpp"
#include "container/call_set.hpp"
#include "container/call_supervisor.hpp"

namespace cv6 {

struct CallRules {
  CallSet::Words denied{};
  CallSet::Words fatal{};       // of the denied ones: the process is ended
  CallSet::Words supervised{};  // where not denied: the supervisor is asked
};
constexpr CallRules united(const CallRules& a, const CallRules& b) {
  return {united(a.denied, b.denied), united(a.fatal, b.fatal), united(a.supervised, b.supervised)};
}

enum class CallAction : std::uint8_t { allow, supervise, fail, kill };  // from mild to strict

class CallGate {
 public:
  // The hot path asks this first: which things there are to consider.
  using State = std::uint32_t;
  static constexpr State open = 0;
  static constexpr State has_policy = 1;   // the call may be denied or supervised
  static constexpr State only_records = 2; // if it is allowed, it is recorded (CallLog::record)
  static constexpr State has_log = 4;      // or there is more to log
  State state() const { return state_.load(std::memory_order_relaxed); }
  // Does any rule concern the call?
  bool stops(unsigned bit) const { return stopped_.has(bit); }
  CallSupervisor& supervisor() { return supervisor_; }

  CallLog& log() { return log_; }
  // What is logged from now on, at the cost of `payer`. Errors: CallLog::configure.
  Result<void> set_log(const CallLog::Settings& settings, GuestMemory& payer);

  // A call was denied: it is counted. Should the console say so? A burst of lines, then one each second at most.
  enum class Notice : std::uint8_t { none, line, last_line };  // last: some of the next ones will not be announced
  Notice note_denied(Nanoseconds now);
  std::uint64_t denied_calls() const { return denied_calls_.load(std::memory_order_relaxed); }
  std::uint64_t unannounced_calls() const { return unannounced_calls_.load(std::memory_order_relaxed); }

  // --- for ContainerManager, with its lock held ---
  const CallRules& own_rules() const { return own_; }
  void set_own_rules(const CallRules& rules) { own_ = rules; }
  // The own rules, or those above, have changed: what counts now.
  void update(const CallRules& effective);

  // The container has become empty, or is being destroyed: whoever waits for more of its calls looks again.
  void note_emptied() {
    log_.note_emptied();
    supervisor_.wake_readers();
  }
  void note_stopping() {
    log_.wake_readers();
    supervisor_.wake_readers();
  }

 private:
  static constexpr unsigned burst = 10;
  static constexpr Nanoseconds between_lines = nanoseconds_per_second;

  void set_state(State mask, State bits);

  std::atomic<State> state_{open};
  CallSet stopped_;
  CallRules own_;
  CallLog log_;
  CallSupervisor supervisor_;
  std::atomic<std::uint64_t> denied_calls_{0}, unannounced_calls_{0};
  struct Announcements {
    unsigned left = burst;
    Nanoseconds last = 0;
  };
  Guarded<Announcements, Rank::call_log> announcements_;
};

}  // namespace cv6
