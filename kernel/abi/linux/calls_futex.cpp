// futex(2). Priority inheritance is not offered: task/futex.hpp.
#include "abi/linux/clocks.hpp"
#include "abi/linux/handlers.hpp"
#include "abi/support.hpp"
#include "task/futex.hpp"

namespace cv6::linux_abi {
namespace {

enum Operation : unsigned { wait = 0, wake = 1, requeue = 3, cmp_requeue = 4, wake_op = 5, wait_bitset = 9, wake_bitset = 10 };
constexpr unsigned private_flag = 128, realtime_flag = 256;

// One wait, as it can be continued after a signal.
struct FutexWait {
  std::uintptr_t word;
  futex::Scope scope;
  std::uint32_t expected;
  Nanoseconds deadline;
  std::uint32_t bitset;
};

Result<long> wait_on(UserThread& thread, const FutexWait& wanted) {
  const auto waited = futex::wait(thread, wanted.word, wanted.scope, wanted.expected, wanted.deadline, wanted.bitset);
  if (waited) return 0;
  if (waited.error() != Error::restart_timed) return waited.error();
  thread.timed_restart = {
      .again = [](UserThread& again, const TimedRestart& state) {
        return wait_on(again, {state.arguments[0], static_cast<futex::Scope>(state.arguments[1]),
                               static_cast<std::uint32_t>(state.arguments[2]),
                               static_cast<Nanoseconds>(state.arguments[3]), static_cast<std::uint32_t>(state.arguments[4])});
      },
      .arguments = {wanted.word, static_cast<std::uint64_t>(wanted.scope), wanted.expected,
                    static_cast<std::uint64_t>(wanted.deadline), wanted.bitset}};
  return Error::restart_timed;
}

// FUTEX_WAIT takes a length of time, FUTEX_WAIT_BITSET a moment.
Result<Nanoseconds> deadline_of(unsigned operation, bool is_real_time, UserPtr<Timespec> timeout) {
  if (!timeout) return never;
  const Nanoseconds time = TRY(duration_from(TRY(timeout.read())));
  if (operation == wait) return deadline_after(arch::monotonic_now(), time);
  return monotonic_deadline(is_real_time ? WaitClock::real_time : WaitClock::monotonic, time);
}

}  // namespace

Result<long> sys_futex(Context& context, UserPtr<std::uint32_t> word, unsigned operation, unsigned value,
                       unsigned long timeout, UserPtr<std::uint32_t> second_word, unsigned third_value) {
  const futex::Scope scope = operation & private_flag ? futex::Scope::private_ : futex::Scope::shared;
  const unsigned command = operation & ~(private_flag | realtime_flag);
  const bool is_real_time = (operation & realtime_flag) != 0;
  if (is_real_time && command != wait && command != wait_bitset) return Error::nosys;
  UserThread& thread = context.thread;
  const int count = static_cast<int>(value);
  const int second_count = static_cast<int>(timeout);  // the fourth argument of the operations on two words
  switch (command) {
    case wait:
    case wait_bitset: {
      const Nanoseconds deadline = TRY(deadline_of(command, is_real_time, UserPtr<Timespec>(timeout)));
      const std::uint32_t bitset = command == wait ? futex::match_any : third_value;
      return wait_on(thread, {word.address(), scope, value, deadline, bitset});
    }
    case wake: return futex::wake(thread, word.address(), scope, count);
    case wake_bitset: return futex::wake(thread, word.address(), scope, count, third_value);
    case requeue:
    case cmp_requeue: {
      if (count < 0 || second_count < 0) return Error::inval;
      const std::uint32_t expected = third_value;
      return futex::requeue(thread, word.address(), second_word.address(), scope, count, second_count,
                            command == cmp_requeue ? &expected : nullptr);
    }
    case wake_op:
      return futex::wake_and_change(thread, word.address(), second_word.address(), scope, count, second_count, third_value);
    default: return Error::nosys;
  }
}

}  // namespace cv6::linux_abi
