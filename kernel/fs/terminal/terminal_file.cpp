#include "fs/terminal/terminal_file.hpp"

#include <algorithm>

#include "arch/clock.hpp"
#include "fs/terminal/requests.hpp"
#include "sched/pace.hpp"

namespace cv6 {

namespace {

constexpr std::size_t chunk_size = 256;
constexpr unsigned chunks_between_yields = 16;
constexpr Nanoseconds tenth_of_a_second = nanoseconds_per_second / 10;

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
  while (true) {
    TRY(terminal_->jobs().check_access(JobControl::Access::read));
    if (to.empty()) return 0;
    const bool some = TRY(wait_for_input(to.remaining())) != 0;
    const Result<void> moved = read_chunks(to);
    if (moved || to.moved()) return to.moved();
    if (moved.error() != Error::again) return moved.error();
    if (!some) return 0;  // VMIN 0, or VTIME over
    if (nonblocking()) return Error::again;
  }
}

// The rest of a line, or of what is there in raw mode, as far as it is wanted.
Result<void> TerminalFile::read_chunks(IoBuffer& to) {
  char bytes[chunk_size];
  sched::Pace pace(chunks_between_yields);
  while (!to.empty()) {
    if (!pace.may_go_on()) break;
    const LineDiscipline::Taken taken = TRY(tty().read(std::span(bytes).first(std::min(to.remaining(), chunk_size))));
    const bool all_put = TRY(to.put(bytes, taken.count)) == taken.count;
    if (!all_put || taken.line_ended || taken.count < chunk_size) break;
  }
  return {};
}

Result<std::size_t> TerminalFile::do_write(IoBuffer& from, std::uint64_t, std::uint64_t) {
  if (tty().hung_up()) return Error::io;
  if (tty().settings().is(Termios::tostop)) TRY(terminal_->jobs().check_access(JobControl::Access::write));
  // Who has it may be waiting for room.
  Mutex& mutex = tty().write_mutex();
  if (nonblocking()) {
    if (!mutex.try_lock()) return Error::again;
  } else if (!mutex.lock_interruptibly()) {
    return Error::restart_if_asked;
  }
  const Result<std::size_t> written = write_chunks(from);
  mutex.unlock();
  tty().became_writable().wake_all();  // who was told to come again
  return written;
}

Result<std::size_t> TerminalFile::write_chunks(IoBuffer& from) {
  sched::Pace pace(chunks_between_yields);
  while (!from.empty()) {
    // Output processing may leave nothing over, and a console takes everything: it need not ever wait for room.
    if (!pace.may_go_on()) break;
    const Result<void> written = write_chunk(from);
    if (!written) return from.moved() ? Result<std::size_t>(from.moved()) : written.error();
  }
  return from.moved();
}

// At most one. What is not written stays in `from`.
Result<void> TerminalFile::write_chunk(IoBuffer& from) {
  char bytes[chunk_size];
  const std::size_t count = TRY(from.take(bytes, chunk_size));
  for (std::size_t done = 0; done < count;) {
    const Result<std::size_t> taken = tty().write({bytes + done, count - done});
    if (taken) {
      done += *taken;
      continue;
    }
    Result<void> go_on = taken.error();
    if (taken.error() == Error::again && !nonblocking())
      go_on = restartable(tty().became_writable().wait([&] { return tty().writable(); }));
    if (go_on) continue;
    from.give_back(count - done);
    return go_on;
  }
  return {};
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
  if (tty().hung_up()) events |= poll_event::hang_up | poll_event::error;
  if (tty().readable(minimum)) events |= poll_event::readable;
  if (tty().writable()) events |= poll_event::writable;
  return events;
}

// What is hung up answers nothing any more.
Result<long> TerminalFile::control(unsigned request, std::uintptr_t argument) {
  if (tty().hung_up()) return request == terminal_request::set_foreground ? Error::notty : Error::io;
  return control_terminal(*terminal_, request, argument);
}

}  // namespace cv6
