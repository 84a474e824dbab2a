#include "fs/terminal/terminal_file.hpp"

#include <algorithm>

#include "arch/clock.hpp"
#include "arch/user_memory.hpp"

namespace cv6 {

namespace {

// Requests of tty_ioctl(4), with Linux' numbers.
enum Request : unsigned {
  get_settings = 0x5401, set_settings = 0x5402, set_settings_drained = 0x5403, set_settings_flushed = 0x5404,
  send_break = 0x5409, flow = 0x540a, flush_queue = 0x540b, set_controlling = 0x540e, get_foreground = 0x540f,
  set_foreground = 0x5410, output_queued = 0x5411, get_window = 0x5413, set_window = 0x5414, give_up_controlling = 0x5422,
  send_break_posix = 0x5425, get_session = 0x5429
};

constexpr std::size_t chunk_size = 256;
constexpr std::string_view stop_character = "\x13", start_character = "\x11";
constexpr Nanoseconds tenth_of_a_second = nanoseconds_per_second / 10;

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
Result<void> restartable(Result<void> waited) {
  return !waited && waited.error() == Error::intr ? Result<void>(Error::restart_if_asked) : waited;
}

}  // namespace

// Waits as termios(3) says: for a line, or for VMIN bytes and VTIME tenths of a second. Returns how many bytes must be
// there before read() is worth calling; 0: time is up, give what there is.
Result<std::size_t> TerminalFile::wait_for_input(std::size_t wanted) {
  const Termios settings = tty().settings();
  const bool canonical = settings.is(Termios::icanon);
  const std::size_t minimum = canonical ? 1 : std::min<std::size_t>(settings.characters[Termios::vmin], wanted);
  const Nanoseconds time = canonical ? 0 : settings.characters[Termios::vtime] * tenth_of_a_second;
  if (minimum == 0 && time == 0) return tty().readable(1) ? 1 : 0;
  if (nonblocking()) return 1;

  // With both, the time begins with the first byte; with VTIME only, at once.
  WaitQueue& queue = tty().became_readable();
  if (time == 0 || minimum != 0) {
    const std::size_t first = time != 0 ? 1 : minimum;
    TRY(restartable(queue.wait([&] { return tty().readable(first); })));
    if (time == 0) return first;
  }
  std::size_t seen = tty().available();
  while (!tty().readable(std::max<std::size_t>(minimum, 1))) {
    Result<void> waited = queue.wait([&] { return tty().readable(seen + 1); }, Wait::interruptible,
                                     arch::monotonic_now() + time);
    if (!waited && waited.error() == Error::timedout) return 0;
    TRY(restartable(waited));
    seen = tty().available();
  }
  return 1;
}

Result<std::size_t> TerminalFile::do_read(IoBuffer& to, std::uint64_t) {
  char bytes[chunk_size];
  while (true) {
    TRY(terminal_.jobs().check_access(JobControl::Access::read));
    const bool some = TRY(wait_for_input(to.remaining())) != 0;
    Result<std::size_t> count = tty().read(std::span(bytes).first(std::min(to.remaining(), chunk_size)));
    if (count) {
      // The rest of a line, or of what is there in raw mode, as far as it is wanted.
      bool line_ended = *count == 0 || bytes[*count - 1] == '\n';
      if (*count) TRY(to.put(bytes, *count));
      while (!line_ended && *count == chunk_size && !to.empty() && tty().readable(1)) {
        count = tty().read(std::span(bytes).first(std::min(to.remaining(), chunk_size)));
        if (!count || *count == 0) break;
        line_ended = bytes[*count - 1] == '\n' && tty().settings().is(Termios::icanon);
        if (!to.put(bytes, *count)) break;
      }
      return to.moved();
    }
    if (count.error() != Error::again) return count.error();
    if (!some) return 0;  // VMIN 0, or VTIME over
    if (nonblocking()) return Error::again;
  }
}

Result<std::size_t> TerminalFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  if (tty().hung_up()) return Error::io;
  if (tty().settings().is(Termios::tostop)) TRY(terminal_.jobs().check_access(JobControl::Access::write));
  MutexGuard guard(tty().write_mutex());
  std::size_t written = 0;
  char bytes[chunk_size];
  while (!from.empty()) {
    const std::size_t count = TRY(from.take(bytes, chunk_size));
    for (std::size_t done = 0; done < count;) {
      Result<std::size_t> taken = tty().write({bytes + done, count - done});
      if (taken) {
        done += *taken;
        written += *taken;
        continue;
      }
      Result<void> go_on = taken.error();
      if (taken.error() == Error::again && !nonblocking())
        go_on = restartable(tty().became_writable().wait([&] { return tty().writable(); }));
      if (go_on) continue;
      from.give_back(count - done);
      if (written) return written;
      return go_on.error();
    }
  }
  return written;
}

PollEvents TerminalFile::poll(PollWaiters* waiters) {
  if (waiters) {
    waiters->watch(tty().became_readable());
    waiters->watch(tty().became_writable());
  }
  const Termios settings = tty().settings();
  // As Linux: with VTIME 0, readiness means VMIN bytes.
  const bool by_count = !settings.is(Termios::icanon) && settings.characters[Termios::vtime] == 0;
  const std::size_t minimum = by_count ? std::max<std::size_t>(settings.characters[Termios::vmin], 1) : 1;
  PollEvents events = 0;
  if (tty().hung_up()) events |= poll_event::hang_up;
  if (tty().readable(minimum)) events |= poll_event::readable;
  if (tty().writable()) events |= poll_event::writable;
  return events;
}

// --- tty_ioctl(4) ---------------------------------------------------------------------------------------------------

Result<long> TerminalFile::control(unsigned request, std::uintptr_t argument) {
  switch (request) {
    case get_settings: return give(argument, tty().settings());
    case set_settings: return change_settings(argument, Tty::When::now);
    case set_settings_drained: return change_settings(argument, Tty::When::drained);
    case set_settings_flushed: return change_settings(argument, Tty::When::drained_and_flushed);
    case send_break:
    case send_break_posix:
    case flow:
    case flush_queue:
    case output_queued: return flow_control(request, argument);
    case get_window:
    case set_window: return window_control(request, argument);
    default: return job_control(request, argument);
  }
}

Result<long> TerminalFile::change_settings(std::uintptr_t argument, Tty::When when) {
  const Termios settings = TRY(get<Termios>(argument));
  TRY(terminal_.jobs().check_access(JobControl::Access::settings));
  TRY(restartable(tty().set(settings, when)));
  return 0;
}

Result<long> TerminalFile::window_control(unsigned request, std::uintptr_t argument) {
  if (request == get_window) return give(argument, tty().window_size());
  tty().set_window_size(TRY(get<WindowSize>(argument)));
  return 0;
}

Result<long> TerminalFile::flow_control(unsigned request, std::uintptr_t argument) {
  enum : std::uintptr_t { suspend_output, resume_output, suspend_input, resume_input };
  enum : std::uintptr_t { input_queue, output_queue, both_queues };
  if (request == output_queued) return give(argument, 0);  // what was written is with the device
  TRY(terminal_.jobs().check_access(JobControl::Access::settings));
  if (request == send_break || request == send_break_posix) {
    TRY(restartable(tty().drain()));  // and a break condition, if this were a serial line
    return 0;
  }
  if (request == flush_queue) {
    if (argument > both_queues) return Error::inval;
    if (argument != output_queue) tty().discard_input();
    return 0;
  }
  switch (argument) {
    case suspend_output: tty().set_flow(Tty::Flow::stop); return 0;
    case resume_output: tty().set_flow(Tty::Flow::start); return 0;
    case suspend_input: TRY(tty().write(stop_character)); return 0;
    case resume_input: TRY(tty().write(start_character)); return 0;
    default: return Error::inval;
  }
}

Result<long> TerminalFile::job_control(unsigned request, std::uintptr_t argument) {
  JobControl& jobs = terminal_.jobs();
  switch (request) {
    case set_controlling:
      TRY(jobs.acquire(argument == 1 ? JobControl::Steal::yes : JobControl::Steal::no));
      return 0;
    case give_up_controlling: TRY(jobs.give_up()); return 0;
    case get_foreground: return give(argument, TRY(jobs.foreground_group()));
    case set_foreground: {
      const int group = TRY(get<int>(argument));
      TRY(jobs.check_access(JobControl::Access::settings));
      TRY(jobs.set_foreground_group(group));
      return 0;
    }
    case get_session: return give(argument, TRY(jobs.session()));
    default: return Error::notty;
  }
}

}  // namespace cv6
