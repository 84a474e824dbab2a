// What signals are made of: numbers, sets, what is known about one (siginfo), and what a process does about each number.
// signal(7), sigaction(2). Everything here is plain data without locks; who owns it and what protects it is said in
// pending_signals.hpp, signal_handlers.hpp and process.hpp.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace cv6 {

// The numbers of the x86-64 Linux ABI, which those of every other ABI are translated to.
namespace signal {
enum Number : int {
  none = 0, hang_up = 1, interrupt = 2, quit = 3, illegal = 4, trap = 5, abort = 6, bus = 7, floating_point = 8,
  kill = 9, user_1 = 10, segmentation = 11, user_2 = 12, pipe = 13, alarm = 14, terminate = 15, stack_fault = 16,
  child = 17, continue_ = 18, stop = 19, terminal_stop = 20, terminal_input = 21, terminal_output = 22, urgent = 23,
  cpu_limit = 24, file_limit = 25, virtual_alarm = 26, profile = 27, window = 28, io = 29, power = 30, bad_call = 31,
  first_real_time = 32, last = 64
};
constexpr bool valid(int number) { return number >= 1 && number <= last; }
constexpr bool real_time(int number) { return number >= first_real_time; }
std::string_view name(int number);  // "SIGSEGV"; real-time ones: "SIGRT"
}  // namespace signal

// A set of signals: bit n - 1 is signal n, as in the kernel's sigset_t.
class SignalSet {
 public:
  constexpr SignalSet() = default;
  constexpr explicit SignalSet(std::uint64_t bits) : bits_(bits) {}
  template <class... Numbers>
  static constexpr SignalSet of(Numbers... numbers) {
    return SignalSet((bit(numbers) | ... | 0));
  }
  static constexpr SignalSet all() { return SignalSet(~std::uint64_t{0}); }

  constexpr std::uint64_t bits() const { return bits_; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool contains(int number) const { return (bits_ & bit(number)) != 0; }
  constexpr void add(int number) { bits_ |= bit(number); }
  constexpr void remove(int number) { bits_ &= ~bit(number); }
  // The lowest number inside; the set is not empty.
  constexpr int first() const { return __builtin_ctzll(bits_) + 1; }

  friend constexpr SignalSet operator|(SignalSet a, SignalSet b) { return SignalSet(a.bits_ | b.bits_); }
  friend constexpr SignalSet operator&(SignalSet a, SignalSet b) { return SignalSet(a.bits_ & b.bits_); }
  friend constexpr SignalSet operator-(SignalSet a, SignalSet b) { return SignalSet(a.bits_ & ~b.bits_); }
  friend constexpr bool operator==(SignalSet, SignalSet) = default;

 private:
  static constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << (number - 1); }
  std::uint64_t bits_ = 0;
};

namespace signal {
inline constexpr SignalSet unblockable = SignalSet::of(kill, stop);
inline constexpr SignalSet stopping = SignalSet::of(stop, terminal_stop, terminal_input, terminal_output);
// Sent by the processor about what the program just did; delivered before others.
inline constexpr SignalSet synchronous = SignalSet::of(illegal, trap, bus, floating_point, segmentation, bad_call);
inline constexpr SignalSet ignored_by_default = SignalSet::of(child, urgent, window);
}  // namespace signal

// What a process does about a signal whose disposition is default, signal(7).
enum class DefaultAction : std::uint8_t { terminate, terminate_with_core, ignore, stop, continue_ };
DefaultAction default_action(int number);

// What is known about one signal (siginfo_t). `kind` says which of the members mean something. Numbers of processes and
// of users are as the receiver sees them.
struct SignalInfo {
  enum class Kind : std::uint8_t {
    sent,    // process, user:                       kill, tkill
    queued,  // process, user, value:                sigqueue
    timer,   // timer, overrun, value:               POSIX timers
    child,   // process, user, status, times:        SIGCHLD
    fault,   // address:                             SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP
    io,      // band, descriptor:                    SIGIO
  };
  int number = 0;
  int code = 0;  // SI_* and the per-signal codes, values of the Linux ABI: see signal_code
  Kind kind = Kind::sent;
  int error = 0;
  int process = 0;
  std::uint32_t user = 0;
  union {
    int status = 0;  // child: exit status or signal number
    int timer;
    int descriptor;
  };
  union {
    std::uint64_t value = 0;  // sigval
    std::uintptr_t address;
    long band;
    std::int64_t user_time;  // child: clock ticks (100 a second)
  };
  union {
    std::int64_t system_time = 0;  // child
    int overrun;
  };
};

namespace signal_code {
inline constexpr int user = 0, kernel = 0x80, queue = -1, timer = -2, message_queue = -3, asynchronous_io = -4, io = -5,
                     thread_kill = -6;
inline constexpr int address_not_mapped = 1, access_denied = 2;               // SIGSEGV
inline constexpr int bad_alignment = 1, bad_address = 2;                      // SIGBUS
inline constexpr int bad_opcode = 1, bad_operand = 2, privileged_opcode = 5;  // SIGILL
inline constexpr int integer_divide = 1, integer_overflow = 2, float_invalid = 7;  // SIGFPE
inline constexpr int breakpoint = 1, trace = 2;                               // SIGTRAP
inline constexpr int child_exited = 1, child_killed = 2, child_dumped = 3, child_stopped = 5, child_continued = 6;
}  // namespace signal_code

// What a process asked for with sigaction(2). Flags have the values of the x86-64 Linux ABI.
struct SignalAction {
  static constexpr std::uintptr_t default_handler = 0, ignore_handler = 1;
  static constexpr std::uint64_t no_child_stop = 1, no_child_wait = 2, with_info = 4, restorer_given = 0x04000000,
                                 on_stack = 0x08000000, restart = 0x10000000, no_defer = 0x40000000,
                                 reset_handler = 0x80000000;
  std::uintptr_t handler;
  std::uint64_t flags;
  std::uintptr_t restorer;
  SignalSet mask;  // blocked while the handler runs
  bool has_handler() const { return handler > ignore_handler; }
  // Member by member, which takes no memory between.
  friend void swap(SignalAction& a, SignalAction& b) {
    std::swap(a.handler, b.handler);
    std::swap(a.flags, b.flags);
    std::swap(a.restorer, b.restorer);
    std::swap(a.mask, b.mask);
  }
};

// sigaltstack(2).
struct AlternateStack {
  static constexpr int disabled = 2, on_stack = 1;  // values of ss_flags
  static constexpr int auto_disarm = static_cast<int>(0x80000000u);
  static constexpr std::size_t minimum_size = 2048;
  std::uintptr_t base = 0;
  std::size_t size = 0;
  int flags = disabled;
  bool contains(std::uintptr_t stack_pointer) const { return stack_pointer - base - 1 < size; }  // grows down
};

}  // namespace cv6
