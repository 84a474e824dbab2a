#include "arch/clock.hpp"
#include "fs/real_time.hpp"
#include "task/process_timers.hpp"
#include "task/process_tree.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

void PosixTimer::expired(Timer& timer) { static_cast<PosixTimer&>(timer).fire(); }

// In an interrupt, or by a thread of the process whose CPU time it was.
void PosixTimer::fire() {
  if (request.notify == PosixTimerRequest::Notify::nothing || process.handlers().ignores(request.signal)) {
    // Nobody will take a signal, so it goes on by itself.
    if (!interval) {
      expires = never;
      return;
    }
    const Nanoseconds late = now() - expires;
    return begin(expires + (late / interval + 1) * interval);
  }
  waits_for_delivery.store(true, std::memory_order_relaxed);
  if (counts_cpu_time() && !interval) expires = never;
  deliver_of_timer(process, request.notify == PosixTimerRequest::Notify::thread ? thread.get() : nullptr, own_signal);
}

Nanoseconds PosixTimer::now() const {
  switch (request.clock) {
    case TimerClock::process_cpu: return process_cpu_time(process);
    case TimerClock::thread_cpu: return thread->cpu_time();
    default: return arch::monotonic_now();
  }
}

TimerSetting PosixTimer::left() const {
  if (expires == never) return {0, interval};
  Nanoseconds next = expires;
  const Nanoseconds time = now();
  if (next <= time) {
    if (!interval) return {0, 0};
    next += ((time - next) / interval + 1) * interval;
  }
  return {next - time, interval};
}

void PosixTimer::begin(Nanoseconds when) {
  expires = when;
  if (counts_cpu_time())
    process.timers->watch_cpu_time.store(true, std::memory_order_relaxed);
  else
    start(when);
}

void settle_timer_signal(Process& process, SignalInfo& info) {
  if (!process.timers) return;
  MutexGuard guard(process.timers->mutex);
  PosixTimer* timer = process.timers->posix.find(info.timer);
  if (!timer || !timer->waits_for_delivery.exchange(false, std::memory_order_relaxed)) return;
  timer->overrun = 0;
  if (timer->interval && timer->expires != never) {
    const Nanoseconds late = timer->now() - timer->expires;
    const Nanoseconds periods = late > 0 ? late / timer->interval : 0;
    timer->overrun = periods > INT32_MAX ? INT32_MAX : static_cast<int>(periods);
    timer->begin(timer->expires + (periods + 1) * timer->interval);
  }
  info.overrun = timer->overrun;
}

// --- calls ------------------------------------------------------------------------------------------------------------

Result<int> create_timer(UserThread& caller, const PosixTimerRequest& request) {
  Process& process = caller.process();
  if (request.notify != PosixTimerRequest::Notify::nothing && !signal::valid(request.signal)) return Error::inval;
  ProcessTimers& timers = *TRY(timers_of(process));
  Own<PosixTimer> timer = TRY(make_own<PosixTimer>(process, request));
  if (request.notify == PosixTimerRequest::Notify::thread) {
    auto target = find_thread(process.container(), request.thread);
    if (!target || &(*target)->process() != &process) return Error::inval;
    timer->thread = *std::move(target);
  } else if (request.clock == TimerClock::thread_cpu) {
    timer->thread = Ref<UserThread>(&caller);
  }
  MutexGuard guard(timers.mutex);
  if (timers.posix.size() >= process.limits[Resource::pending_signals].soft) return Error::again;
  int number = 0;
  for (const PosixTimer& taken : timers.posix)
    if (taken.number == number) ++number;
  timer->number = number;
  SignalInfo& info = timer->own_signal.info;
  info.number = request.signal;
  info.code = signal_code::timer;
  info.kind = SignalInfo::Kind::timer;
  info.timer = number;
  info.value = request.value_given ? request.value : static_cast<std::uint64_t>(number);
  timers.posix.insert(*timer.release());
  return number;
}

namespace {

// A signal that has not been delivered goes with its timer.
void discard_signals(Process& process, int timer) {
  SpinGuard guard(process.lock());
  process.pending.discard_of_timer(timer);
  for (UserThread& thread : process.threads) thread.pending.discard_of_timer(timer);
}

}  // namespace

Result<void> delete_timer(Process& process, int number) {
  if (!process.timers) return Error::inval;
  Own<PosixTimer> gone;
  MutexGuard guard(process.timers->mutex);
  gone.reset(process.timers->posix.find(number));
  if (!gone) return Error::inval;
  gone->cancel();
  discard_signals(process, number);
  process.timers->posix.remove(*gone);
  process.timers->update_watch();
  return {};
}

namespace {

Nanoseconds saturated_sum(Nanoseconds a, Nanoseconds b) {
  Nanoseconds sum;
  return __builtin_add_overflow(a, b, &sum) ? never - 1 : sum;
}

// When a setting means, on the clock that the timer counts by.
Nanoseconds expiry(const PosixTimer& timer, const TimerSetting& setting, TimerStart start) {
  if (start == TimerStart::relative) return saturated_sum(timer.now(), setting.left);
  if (timer.request.clock != TimerClock::real_time) return setting.left;
  return saturated_sum(timer.now(), setting.left - real_time_now());
}

}  // namespace

Result<TimerSetting> set_timer(Process& process, int number, const TimerSetting& setting, TimerStart start) {
  if (!process.timers) return Error::inval;
  MutexGuard guard(process.timers->mutex);
  PosixTimer* timer = process.timers->posix.find(number);
  if (!timer) return Error::inval;
  timer->cancel();
  const TimerSetting old = timer->left();
  timer->interval = possible_interval(setting.interval);
  timer->expires = never;
  timer->overrun = 0;
  timer->waits_for_delivery.store(false, std::memory_order_relaxed);
  if (setting.left) timer->begin(expiry(*timer, setting, start));
  process.timers->update_watch();
  return old;
}

Result<TimerSetting> get_timer(Process& process, int number) {
  if (!process.timers) return Error::inval;
  MutexGuard guard(process.timers->mutex);
  const PosixTimer* timer = process.timers->posix.find(number);
  if (!timer) return Error::inval;
  return timer->left();
}

Result<int> timer_overrun(Process& process, int number) {
  if (!process.timers) return Error::inval;
  MutexGuard guard(process.timers->mutex);
  const PosixTimer* timer = process.timers->posix.find(number);
  if (!timer) return Error::inval;
  return timer->overrun;
}

void drop_posix_timers(Process& process) {
  if (!process.timers) return;
  MutexGuard guard(process.timers->mutex);
  while (PosixTimer* timer = process.timers->posix.first()) {
    timer->cancel();
    discard_signals(process, timer->number);
    process.timers->posix.remove(*timer);
    delete timer;
  }
  process.timers->update_watch();
}

}  // namespace cv6
