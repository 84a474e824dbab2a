// The requests of tty_ioctl(4) and their arguments. Private to fs/terminal.
#pragma once

#include "arch/user_memory.hpp"
#include "lib/result.hpp"

namespace cv6 {

// With Linux' numbers.
namespace terminal_request {
enum : unsigned {
  get_settings = 0x5401, set_settings = 0x5402, set_settings_drained = 0x5403, set_settings_flushed = 0x5404,
  send_break = 0x5409, flow = 0x540a, flush_queue = 0x540b, set_controlling = 0x540e, get_foreground = 0x540f,
  set_foreground = 0x5410, output_queued = 0x5411, get_window = 0x5413, set_window = 0x5414, give_up_controlling = 0x5422,
  send_break_posix = 0x5425, get_session = 0x5429,
  // of a pty's master only
  get_number = 0x80045430, set_lock = 0x40045431, get_lock = 0x80045439
};
enum Flow : std::uintptr_t { suspend_output, resume_output, suspend_input, resume_input };
enum Queue : std::uintptr_t { input_queue, output_queue, both_queues };
}  // namespace terminal_request

template <class T>
Result<long> give(std::uintptr_t to, const T& value) {
  if (arch::copy_to_user(to, &value, sizeof value) != 0) return Error::fault;
  return 0;
}
template <class T>
Result<T> get(std::uintptr_t from) {
  T value;
  if (arch::copy_from_user(&value, from, sizeof value) != 0) return Error::fault;
  return value;
}

// A wait that a signal ended: the call is made again if the program wants that.
inline Result<void> restartable(Result<void> waited) {
  return !waited && waited.error() == Error::intr ? Result<void>(Error::restart_if_asked) : waited;
}

}  // namespace cv6
