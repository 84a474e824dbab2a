#include "fs/events/timer_file.hpp"

#include <algorithm>

#include "arch/clock.hpp"
#include "fs/anonymous.hpp"

namespace cv6 {

TimerFile::Alarm::Alarm(TimerFile& owner)
    : Timer([](Timer& timer) {
        TimerFile& file = static_cast<Alarm&>(timer).file;
        file.expired_.store(true, std::memory_order_release);
        file.readable_.wake_all();
      }),
      file(owner) {}

TimerFile::TimerFile(Ref<Inode> inode, Clock clock, int clock_id)
    : File(std::move(inode), Positions::none, FileKind::timer), clock_(clock), clock_id_(clock_id), alarm_(*this) {}

Result<Ref<File>> TimerFile::open(Clock clock, int clock_id, OpenFlags flags, const Credentials& credentials) {
  Ref<TimerFile> file = TRY(make<TimerFile>(TRY(anonymous::make_device(0600)), clock, clock_id));
  file->set_up({}, flags | open_flag::read | open_flag::write, credentials);
  if (clock == Clock::real_time) file->begin_watching();
  return Ref<File>(std::move(file));
}

bool TimerFile::ready() const {
  return expired_.load(std::memory_order_acquire) || ticks_.load(std::memory_order_acquire) != 0 ||
         canceled_.load(std::memory_order_acquire);
}

Nanoseconds TimerFile::now() const { return is_on_real_time() ? real_time_now() : arch::monotonic_now(); }

void TimerFile::begin() {
  Nanoseconds deadline = expires_;
  if (is_on_real_time() && __builtin_add_overflow(arch::monotonic_now(), expires_ - real_time_now(), &deadline))
    deadline = never - 1;
  alarm_.start(std::max<Nanoseconds>(deadline, 0));
}

// An expiry that has not been counted is; a periodic timer goes on.
void TimerFile::settle() {
  if (!expired_.exchange(false, std::memory_order_acq_rel)) return;
  std::uint64_t count = 1;
  if (interval_ == 0) {
    expires_ = never;
  } else {
    count += static_cast<std::uint64_t>(std::max<Nanoseconds>(now() - expires_, 0) / interval_);
    expires_ += static_cast<Nanoseconds>(count) * interval_;
    begin();
  }
  ticks_.store(ticks_.load(std::memory_order_relaxed) + count, std::memory_order_release);
}

TimerFile::Setting TimerFile::left_now() {
  if (expires_ == never) return {0, interval_};
  return {std::max<Nanoseconds>(expires_ - now(), 0), interval_};
}

TimerFile::Setting TimerFile::left() {
  MutexGuard guard(mutex_);
  settle();
  return left_now();
}

Result<TimerFile::Setting> TimerFile::set(const Setting& fresh, unsigned flags) {
  MutexGuard guard(mutex_);
  settle();
  alarm_.cancel();
  const Setting before = left_now();
  expired_.store(false, std::memory_order_relaxed);
  ticks_.store(0, std::memory_order_relaxed);
  flags_ = flags;
  interval_ = std::min(fresh.interval, never / 2);  // the time after the next can be told
  expires_ = never;
  if (!wants_cancel()) canceled_.store(false, std::memory_order_relaxed);
  if (fresh.value == 0) return before;
  if (flags & absolute)
    expires_ = std::min(fresh.value, never / 2);
  else if (__builtin_add_overflow(now(), std::min(fresh.value, never / 2), &expires_))
    expires_ = never / 2;
  begin();
  if (canceled_.exchange(false, std::memory_order_relaxed)) return Error::canceled;
  return before;
}

void TimerFile::clock_was_set() {
  {
    MutexGuard guard(mutex_);
    if (!is_on_real_time()) return;
    if (expires_ != never && !expired_.load(std::memory_order_relaxed)) begin();
    if (!wants_cancel()) return;
    canceled_.store(true, std::memory_order_release);
  }
  readable_.wake_all();
}

PollEvents TimerFile::poll(PollWaiters* waiters) {
  if (waiters) waiters->watch(readable_, poll_event::readable);
  return ready() ? poll_event::in : PollEvents{0};
}

Result<std::size_t> TimerFile::do_read(IoBuffer& to, std::uint64_t) {
  std::uint64_t ticks;
  if (to.remaining() < sizeof ticks) return Error::inval;
  while (true) {
    {
      MutexGuard guard(mutex_);
      settle();
      ticks = ticks_.exchange(0, std::memory_order_relaxed);
      if (canceled_.exchange(false, std::memory_order_relaxed)) return Error::canceled;
    }
    if (ticks) return to.put(&ticks, sizeof ticks);
    if (nonblocking()) return Error::again;
    if (!readable_.wait([this] { return ready(); })) return Error::restart_if_asked;
  }
}

void TimerFile::print_details(Output& out) {
  MutexGuard guard(mutex_);
  settle();
  const Setting left = left_now();
  print(out, "clockid: {}\nticks: {}\nsettime flags: 0{:o}\nit_value: ({}, {})\nit_interval: ({}, {})\n", clock_id_,
        ticks_.load(std::memory_order_relaxed), flags_, left.value / nanoseconds_per_second,
        left.value % nanoseconds_per_second, left.interval / nanoseconds_per_second, left.interval % nanoseconds_per_second);
}

}  // namespace cv6
