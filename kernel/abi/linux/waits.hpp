// What the calls that wait for files have in common: poll(2), select(2), epoll_wait(2).
#pragma once

#include "abi/context.hpp"
#include "abi/linux/times.hpp"
#include "abi/linux/types_signals.hpp"
#include "abi/user_pointer.hpp"
#include "arch/clock.hpp"

namespace cv6::linux_abi {

// Deadline 0 asks without waiting, so a wait of no length is that, and no other wait ends at 0.
inline Nanoseconds deadline_for(Nanoseconds duration) {
  return duration == 0 ? 0 : deadline_after(arch::monotonic_now(), duration);
}
inline Nanoseconds deadline_from_milliseconds(int milliseconds) {
  return milliseconds < 0 ? never : deadline_for(milliseconds * nanoseconds_per_millisecond);
}
inline Result<Nanoseconds> deadline_from(UserPtr<Timespec> timeout) {
  if (!timeout) return never;
  return deadline_for(TRY(duration_from(TRY(timeout.read()))));
}

// A signal mask for the time of a call. Interrupted, the old one comes back when the signal has been handled.
template <class Body>
Result<long> with_mask(Context& context, UserPtr<std::uint64_t> mask, std::size_t mask_size, Body body) {
  if (!mask) return body();
  if (mask_size != sigset_size) return Error::inval;
  context.thread.set_temporary_mask(SignalSet(TRY(mask.read())));
  const Result<long> result = body();
  if (result || (result.error() != Error::restart_unhandled && result.error() != Error::intr)) context.thread.restore_mask();
  return result;
}

}  // namespace cv6::linux_abi
