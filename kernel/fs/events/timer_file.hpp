// timerfd_create(2): a timer as a file. Reading gives how often it has expired since the last read.
//
// An expired timer is not started again before somebody has looked at it: the expirations in between are counted then. So
// a timer that nobody reads costs nothing, whatever its interval.
//
// Of what is set to a time of the real-time clock, the moment changes when that clock is set (ClockWatch).
//
// Locks: mutex_ covers everything but what the timer's action touches, which is `expired_` and the queue.
#pragma once

#include "fs/file.hpp"
#include "fs/real_time.hpp"
#include "mm/payer.hpp"
#include "sched/timer.hpp"

namespace cv6 {

class TimerFile final : public File, private ClockWatch, public Charged<TimerFile, "timer_file"> {
 public:
  enum class Clock : std::uint8_t { monotonic, real_time };
  struct Setting {
    Nanoseconds value = 0;     // until it expires, or when; 0: it does not run
    Nanoseconds interval = 0;  // then again each; 0: once
  };
  // Values as in <sys/timerfd.h>.
  static constexpr unsigned absolute = 1, cancel_on_set = 2;

  // `clock_id`: what the program calls the clock, for /proc. Error::nomem.
  static Result<Ref<File>> open(Clock clock, int clock_id, OpenFlags flags, const Credentials& credentials);
  // Null: it is none.
  static TimerFile* of(File& file) { return file.kind() == FileKind::timer ? static_cast<TimerFile*>(&file) : nullptr; }
  TimerFile(Ref<Inode> inode, Clock clock, int clock_id);
  ~TimerFile() override { end_watching(); }

  // Returns what was. Error::canceled: it is set; but of the clock's being set before, which it was to tell, nobody has read.
  Result<Setting> set(const Setting& fresh, unsigned flags);
  Setting left();

  void describe(Output& out) const override { print(out, "anon_inode:[timerfd]"); }
  void print_details(Output& out) override;
  PollEvents poll(PollWaiters* waiters) override;

 protected:
  Result<std::size_t> do_read(IoBuffer& to, std::uint64_t) override;

 private:
  struct Alarm : Timer {
    explicit Alarm(TimerFile& owner);
    TimerFile& file;
  };
  void clock_was_set() override;
  bool is_on_real_time() const REQUIRES(mutex_) { return clock_ == Clock::real_time && flags_ & absolute; }
  bool wants_cancel() const REQUIRES(mutex_) { return is_on_real_time() && flags_ & cancel_on_set; }
  Nanoseconds now() const REQUIRES(mutex_);
  void begin() REQUIRES(mutex_);
  void settle() REQUIRES(mutex_);
  Setting left_now() REQUIRES(mutex_);
  bool ready() const;

  const Clock clock_;
  const int clock_id_;
  Mutex mutex_;
  unsigned flags_ GUARDED_BY(mutex_) = 0;
  Nanoseconds expires_ GUARDED_BY(mutex_) = never;  // never: it does not run
  Nanoseconds interval_ GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> ticks_{0};             // counted, not read yet: changed with the mutex
  std::atomic<bool> expired_{false};                // not counted yet
  std::atomic<bool> canceled_{false};               // the clock was set
  WaitQueue readable_;
  Alarm alarm_;
};

}  // namespace cv6
