#include "arch/clock.hpp"
#include "fs/real_time.hpp"
#include "task/posix_timer.hpp"
#include "task/process_tree.hpp"
#include "task/send_signal.hpp"

namespace cv6 {

namespace {

constexpr std::uint64_t overrun_max = INT32_MAX;  // DELAYTIMER_MAX

}  // namespace

// --- one timer --------------------------------------------------------------------------------------------------------

Nanoseconds PosixTimer::now(const UserThread& caller) const {
  switch (request_.clock) {
    case TimerClock::monotonic: return arch::monotonic_now();
    case TimerClock::real_time: return real_time_now();
    case TimerClock::process_cpu: return process_cpu_time(process_);
    case TimerClock::thread_cpu: return caller.cpu_time();
  }
  __builtin_unreachable();
}

Expiry PosixTimer::current() {
  if (!counts_processor_time()) return expiry();
  SpinGuard guard(cpu_lock_);
  return cpu_expiry_;
}

Expiry PosixTimer::change(const Expiry& fresh) {
  overrun_.store(0, std::memory_order_relaxed);
  if (!counts_processor_time()) return set(fresh);
  SpinGuard guard(cpu_lock_);
  return std::exchange(cpu_expiry_, fresh);
}

bool PosixTimer::check(UserThread& thread) {
  const Nanoseconds time = now(thread);
  std::uint64_t missed;
  bool running;
  {
    SpinGuard guard(cpu_lock_);
    if (!cpu_expiry_.running()) return false;
    if (clock() == TimerClock::thread_cpu && creator_ != &thread) return true;
    if (cpu_expiry_.deadline > time) return true;
    missed = cpu_expiry_.advance(time);
    running = cpu_expiry_.running();
  }
  notify(missed);
  return running;
}

void PosixTimer::notify(std::uint64_t missed) {
  if (request_.notify == PosixTimerRequest::Notify::nothing) return;
  Ref<UserThread> thread;
  if (request_.notify == PosixTimerRequest::Notify::thread) {
    auto found = find_thread(process_.container(), request_.thread);
    if (!found || &(*found)->process() != &process_) return;
    thread = *std::move(found);
  }
  {
    // The last signal has not been taken yet: this expiry is an overrun of it.
    SpinGuard guard(process_.lock());
    PendingSignals& pending = thread ? thread->pending : process_.pending;
    if (SignalInfo* queued = pending.of_timer(request_.signal, number_)) {
      const std::uint64_t total = static_cast<std::uint64_t>(queued->overrun) + 1 + missed;
      queued->overrun = static_cast<int>(total < overrun_max ? total : overrun_max);
      return overrun_.store(queued->overrun, std::memory_order_relaxed);
    }
  }
  SignalInfo info;
  info.number = request_.signal;
  info.code = signal_code::timer;
  info.kind = SignalInfo::Kind::timer;
  info.timer = number_;
  info.overrun = static_cast<int>(missed < overrun_max ? missed : overrun_max);
  info.value = request_.value_given ? request_.value : static_cast<std::uint64_t>(number_);
  overrun_.store(info.overrun, std::memory_order_relaxed);
  (void)(thread ? deliver(*thread, info) : deliver(process_, info));  // without memory for it, it is lost
}

// --- timer_create(2) and its kin --------------------------------------------------------------------------------------

namespace {

// `changing` is held.
Result<PosixTimer*> find_timer(Process& process, int number) {
  ProcessTimers* timers = process.timers.get();
  if (!timers || static_cast<unsigned>(number) >= timers->posix.size()) return Error::inval;
  PosixTimer* timer = timers->posix[static_cast<unsigned>(number)].get();
  if (!timer) return Error::inval;
  return timer;
}

// What a deadline on the timer's clock is on the one that it is waited for on.
Nanoseconds to_waiting_clock(TimerClock clock, Nanoseconds deadline) {
  return clock == TimerClock::real_time ? deadline - real_time_now() + arch::monotonic_now() : deadline;
}

}  // namespace

Result<int> create_timer(UserThread& caller, const PosixTimerRequest& request) {
  Process& process = caller.process();
  if (request.notify != PosixTimerRequest::Notify::nothing && !signal::valid(request.signal)) return Error::inval;
  if (request.notify == PosixTimerRequest::Notify::thread) {
    auto thread = find_thread(process.container(), request.thread);
    if (!thread || &(*thread)->process() != &process) return Error::inval;
  }
  ProcessTimers* timers = TRY(ProcessTimers::of(process));
  MutexGuard changing(timers->changing);
  unsigned number = 0;
  while (number < timers->posix.size() && timers->posix[number]) ++number;
  // Each costs one queued signal at most, so the same limit holds (timer_create(2), EAGAIN).
  if (number >= process.limits[Resource::pending_signals].soft) return Error::again;
  Own<PosixTimer> timer = TRY(make_own<PosixTimer>(caller, static_cast<int>(number), request));
  if (number == timers->posix.size()) TRY(timers->posix.push_back(nullptr));
  timers->posix[number] = std::move(timer);
  return static_cast<int>(number);
}

Result<void> delete_timer(Process& process, int number) {
  if (!process.timers) return Error::inval;
  MutexGuard changing(process.timers->changing);
  TRY(find_timer(process, number));
  process.timers->posix[static_cast<unsigned>(number)].reset();
  return {};
}

Result<TimerSetting> set_timer(Process& process, int number, const TimerSetting& setting, TimerStart start) {
  if (!process.timers) return Error::inval;
  MutexGuard changing(process.timers->changing);
  PosixTimer* timer = TRY(find_timer(process, number));
  const UserThread& self = UserThread::current();
  const Nanoseconds now = timer->counts_processor_time() ? timer->now(self) : arch::monotonic_now();
  Expiry fresh = Expiry::from(setting, now);
  if (start == TimerStart::absolute && setting.left) fresh.deadline = to_waiting_clock(timer->clock(), setting.left);
  const Expiry old = timer->change(fresh);
  if (fresh.running() && timer->counts_processor_time()) watch_cpu_time(process);
  return old.setting(now);
}

Result<TimerSetting> get_timer(Process& process, int number) {
  if (!process.timers) return Error::inval;
  MutexGuard changing(process.timers->changing);
  PosixTimer* timer = TRY(find_timer(process, number));
  const UserThread& self = UserThread::current();
  return timer->current().setting(timer->counts_processor_time() ? timer->now(self) : arch::monotonic_now());
}

Result<int> timer_overrun(Process& process, int number) {
  if (!process.timers) return Error::inval;
  MutexGuard changing(process.timers->changing);
  return TRY(find_timer(process, number))->overrun();
}

bool check_posix_cpu_timers(ProcessTimers& timers, UserThread& thread) {
  MutexGuard changing(timers.changing);
  bool some = false;
  for (Own<PosixTimer>& timer : timers.posix)
    if (timer && timer->counts_processor_time()) some |= timer->check(thread);
  return some;
}

void drop_posix_timers(Process& process) {
  if (!process.timers) return;
  MutexGuard changing(process.timers->changing);
  process.timers->posix.clear();
}

}  // namespace cv6
