#include "arch/clock.hpp"
#include "fs/real_time.hpp"
#include "sched/pace.hpp"
#include "task/process_timers.hpp"
#include "task/process_tree.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

void PosixTimer::expired(Timer& timer) { static_cast<PosixTimer&>(timer).fire(); }

// In an interrupt, or by a thread of the process whose CPU time it was.
void PosixTimer::fire() {
  waits_for_delivery.store(true, std::memory_order_relaxed);
  if (counts_cpu_time() && !interval) expires = never;
  deliver_of_timer(process, receiver(), own_signal);
}

Nanoseconds PosixTimer::now() const {
  switch (request.clock) {
    case TimerClock::process_cpu: return process_cpu_time(process);
    case TimerClock::thread_cpu: return thread->cpu_time();
    default: return arch::monotonic_now();
  }
}

void PosixTimer::begin(Nanoseconds when) {
  expires = when;
  if (!sends()) return;
  if (counts_cpu_time())
    process.timers->watch_cpu_time.store(true, std::memory_order_relaxed);
  else
    start(when);
}

Nanoseconds PosixTimer::go_on() {
  if (!interval || expires == never) return 0;
  const Nanoseconds late = now() - expires;
  const Nanoseconds periods = late > 0 ? late / interval : 0;
  begin(expires + (periods + 1) * interval);
  return periods;
}

void settle_timer_signal(Process& process, SignalInfo& info) {
  if (info.kind != SignalInfo::Kind::timer && info.number != signal::alarm) return;
  MutexGuard guard(process.timers->mutex);
  if (info.number == signal::alarm) process.timers->real.go_on();
  if (info.kind != SignalInfo::Kind::timer) return;
  PosixTimer* timer = process.timers->posix.find(info.timer);
  if (!timer || !timer->waits_for_delivery.exchange(false, std::memory_order_relaxed)) return;
  timer->overrun = static_cast<int>(std::min<Nanoseconds>(timer->go_on(), INT32_MAX));
  info.overrun = timer->overrun;
}

void resume_timers(Process& process, int number) {
  ProcessTimers& timers = *process.timers;
  MutexGuard guard(timers.mutex);
  if (number == signal::alarm) timers.real.go_on();
  for (PosixTimer& timer : timers.posix) {
    if (timer.request.signal != number || !timer.waits_for_delivery.load(std::memory_order_relaxed)) continue;
    {
      SpinGuard lock(process.lock());
      if (timer.own_signal.node.linked()) continue;  // it was blocked, and so was kept all the same
    }
    timer.waits_for_delivery.store(false, std::memory_order_relaxed);
    timer.go_on();
  }
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
  UserAccount& account = process.account();
  if (account.queued_signals.load(std::memory_order_relaxed) >= process.limits.pending_signals())
    return Error::again;
  account.queued_signals.fetch_add(1, std::memory_order_relaxed);
  timer->own_signal.payer = Ref<UserAccount>(&account);
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

Result<void> delete_timer(Process& process, int number) {
  if (!process.timers) return Error::inval;
  Own<PosixTimer> gone;
  MutexGuard guard(process.timers->mutex);
  gone.reset(process.timers->posix.find(number));
  if (!gone) return Error::inval;
  gone->cancel();
  {
    SpinGuard lock(process.lock());
    UserThread* receiver = gone->receiver();
    (receiver ? receiver->pending : process.pending).discard_of_timer(gone->own_signal);
  }
  process.timers->posix.remove(*gone);
  process.timers->update_watch();
  return {};
}

namespace {

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
  if (process.timers->posix.empty()) return;
  sched::Pace pace;  // each was charged for: there may be very many
  for (PosixTimer& timer : process.timers->posix) {
    timer.cancel();
    pace.step();
  }
  {
    SpinGuard lock(process.lock());
    process.pending.discard_of_timers();
    for (UserThread& thread : process.threads) thread.pending.discard_of_timers();
  }
  while (PosixTimer* timer = process.timers->posix.first()) {
    process.timers->posix.remove(*timer);
    delete timer;
    pace.step();
  }
  process.timers->update_watch();
}

}  // namespace cv6
