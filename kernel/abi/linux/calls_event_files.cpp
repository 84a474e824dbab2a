// Files that become ready when something happens: eventfd(2), timerfd_create(2), signalfd(2).
#include "abi/linux/handlers.hpp"
#include "abi/linux/open_flags.hpp"
#include "abi/linux/times.hpp"
#include "abi/support.hpp"
#include "fs/events/event_counter.hpp"
#include "fs/events/timer_file.hpp"
#include "task/signal_file.hpp"

namespace cv6::linux_abi {
namespace {

constexpr unsigned efd_semaphore = 1;

Result<long> add_file(Context& context, Result<Ref<File>> file, unsigned flags) {
  return TRY(context.process.files().add(TRY(std::move(file)), close_on_exec_of(flags), context.process.open_files_limit()));
}

Result<long> make_event_file(Context& context, unsigned value, unsigned flags) {
  const EventReads reads = flags & efd_semaphore ? EventReads::one : EventReads::everything;
  return add_file(context, make_event_counter(value, reads, nonblock_of(flags), context.process.credentials()), flags);
}

Result<TimerFile::Clock> clock_of_timer(const Context& context, int clock) {
  const bool wakes = clock == clock_realtime_alarm || clock == clock_boottime_alarm;
  if (wakes && !context.process.credentials().privileged()) return Error::perm;
  switch (clock) {
    case clock_realtime:
    case clock_realtime_alarm: return TimerFile::Clock::real_time;
    case clock_monotonic:
    case clock_boottime:
    case clock_boottime_alarm: return TimerFile::Clock::monotonic;
    default: return Error::inval;
  }
}

Itimerspec itimerspec_of(const TimerFile::Setting& setting) {
  return {.it_interval = timespec_of(setting.interval), .it_value = timespec_of(setting.value)};
}

// A descriptor of a file of the kind T. Error::badf; Error::inval: of another.
template <class T>
class UseOf {
 public:
  static Result<UseOf> find(Context& context, Descriptor descriptor) {
    auto file = TRY(context.process.files().use(descriptor.number));
    if (file->path_only()) return Error::badf;
    T* const wanted = T::of(*file);
    if (!wanted) return Error::inval;
    return UseOf(std::move(file), *wanted);
  }
  T* operator->() const { return &wanted_; }

 private:
  UseOf(DescriptorTable::Use file, T& wanted) : file_(std::move(file)), wanted_(wanted) {}
  DescriptorTable::Use file_;
  T& wanted_;
};

}  // namespace

Result<long> sys_eventfd(Context& context, unsigned value) { return make_event_file(context, value, 0); }

Result<long> sys_eventfd2(Context& context, unsigned value, Flags flags) {
  if (!flags.only(efd_semaphore | o_nonblock | o_cloexec)) return Error::inval;
  return make_event_file(context, value, flags.bits);
}

Result<long> sys_timerfd_create(Context& context, int clock, Flags flags) {
  if (!flags.only(o_nonblock | o_cloexec)) return Error::inval;
  const TimerFile::Clock kind = TRY(clock_of_timer(context, clock));
  return add_file(context, TimerFile::open(kind, clock, nonblock_of(flags.bits), context.process.credentials()), flags.bits);
}

Result<long> sys_timerfd_settime(Context& context, Descriptor descriptor, Flags flags, UserPtr<Itimerspec> pointer,
                                 UserPtr<Itimerspec> before) {
  const Itimerspec value = TRY(pointer.read());
  const TimerFile::Setting setting{.value = TRY(duration_from(value.it_value)), .interval = TRY(duration_from(value.it_interval))};
  if (!flags.only(TimerFile::absolute | TimerFile::cancel_on_set)) return Error::inval;
  const auto timer = TRY(UseOf<TimerFile>::find(context, descriptor));
  const TimerFile::Setting old = TRY(timer->set(setting, flags.bits));
  TRY(before.write_if_wanted(itimerspec_of(old)));
  return 0;
}

Result<long> sys_timerfd_gettime(Context& context, Descriptor descriptor, UserPtr<Itimerspec> value) {
  const auto timer = TRY(UseOf<TimerFile>::find(context, descriptor));
  TRY(value.write(itimerspec_of(timer->left())));
  return 0;
}

Result<long> sys_signalfd(Context& context, Descriptor file, UserPtr<std::uint64_t> mask, std::size_t mask_size) {
  return sys_signalfd4(context, file, mask, mask_size, {0});
}

Result<long> sys_signalfd4(Context& context, Descriptor descriptor, UserPtr<std::uint64_t> mask, std::size_t mask_size,
                           Flags flags) {
  constexpr int new_file = -1;
  if (mask_size != sigset_size) return Error::inval;
  const SignalSet wanted = SignalSet(TRY(mask.read())) - signal::unblockable;
  if (!flags.only(o_nonblock | o_cloexec)) return Error::inval;
  if (descriptor.number == new_file)
    return add_file(context, SignalFile::open(wanted, nonblock_of(flags.bits), context.process.credentials()), flags.bits);
  TRY(UseOf<SignalFile>::find(context, descriptor))->change(wanted);
  return descriptor.number;
}

}  // namespace cv6::linux_abi
