// Waiting for files: poll(2), ppoll(2), select(2), pselect(2).
//
// All of them become a list of Pollfd and a deadline. Interrupted, poll goes on with what is left of its time; the others
// fail with EINTR if a handler ran, and are else made again: their timeout has been written back.
#include <algorithm>
#include <bit>

#include "abi/linux/handlers.hpp"
#include "abi/linux/waits.hpp"
#include "abi/support.hpp"
#include "sched/scheduler.hpp"

namespace cv6::linux_abi {
namespace {

constexpr std::size_t entries_between_yields = 1024;

// Gives `body` the list in parts, between which other threads get their turns.
template <class T, class Body>
void in_parts(std::span<T> list, Body body) {
  while (true) {
    const auto part = list.first(std::min(list.size(), entries_between_yields));
    body(part);
    list = list.subspan(part.size());
    if (list.empty()) return;
    sched::maybe_yield();
  }
}

// What of `file` the entry has to report. A file that names a place only says poll_event::invalid.
bool ask(Pollfd& entry, File& file, PollWaiters* waiters) {
  const auto wanted = static_cast<PollEvents>(entry.events) | poll_event::always_told | poll_event::invalid;
  entry.revents = static_cast<std::int16_t>(file.poll(waiters) & wanted);
  return entry.revents != 0;
}

// How many entries have something to report as it is. Descriptors that are not open are poll_event::invalid; negative
// ones are skipped. `find`: DescriptorTable::use or use_own.
template <class Find>
unsigned look(std::span<Pollfd> list, Find find) {
  unsigned ready = 0;
  in_parts(list, [&](std::span<Pollfd> part) {
    for (Pollfd& entry : part) {
      if (const auto file = find(entry.fd)) [[likely]] {
        ready += ask(entry, **file, nullptr);
      } else {
        entry.revents = entry.fd < 0 ? 0 : poll_event::invalid;
        ready += entry.fd >= 0;
      }
    }
  });
  return ready;
}

unsigned look(Context& context, std::span<Pollfd> list) {
  DescriptorTable& descriptors = context.process.files();
  if (descriptors.shared()) return look(list, [&](int number) { return descriptors.use(number); });
  return look(list, [&](int number) { return descriptors.use_own(number); });
}

// The files of a wait, held until it is over.
class PolledFiles {
 public:
  ~PolledFiles() {
    while (files_.size() > entries_between_yields) {
      for (std::size_t i = 0; i < entries_between_yields; ++i) files_.pop_back();
      sched::maybe_yield();
    }
  }

  // False: a descriptor has been closed since they were looked at.
  Result<bool> open(Context& context, std::span<Pollfd> list) {
    TRY(files_.reserve(list.size()));
    for (Pollfd& entry : list) {
      if (entry.fd < 0) continue;
      auto file = context.process.files().use(entry.fd);
      if (!file) return false;
      TRY(files_.push_back({&entry, *std::move(file)}));
      if (files_.size() % entries_between_yields == 0) sched::maybe_yield();
    }
    return true;
  }

  unsigned ask(PollWaiters* waiters) {
    unsigned ready = 0;
    in_parts(std::span(files_.begin(), files_.end()), [&](std::span<Entry> part) {
      for (auto& [entry, file] : part) ready += linux_abi::ask(*entry, *file, waiters);
    });
    return ready;
  }

 private:
  struct Entry {
    Pollfd* entry;
    DescriptorTable::Use file;
  };
  Vector<Entry> files_;
};

// Waits until something is ready; 0 at the deadline (0: only looks). Error::intr: interrupted.
Result<unsigned> wait_for_files(Context& context, std::span<Pollfd> list, Nanoseconds deadline) {
  if (const unsigned ready = look(context, list); ready != 0 || deadline == 0) return ready;
  PolledFiles files;
  if (!TRY(files.open(context, list))) return look(context, list);
  Event event;
  PollWaiters waiters(event);
  unsigned ready = files.ask(&waiters);
  if (!waiters.complete()) return Error::nomem;
  while (ready == 0) {
    const auto slept = sleep_until_raised(event, Wait::interruptible, deadline);
    event.clear();
    ready = files.ask(nullptr);
    if (ready == 0 && !slept) return slept.error() == Error::timedout ? Result<unsigned>(0u) : slept.error();
  }
  return ready;
}

Nanoseconds time_left(Nanoseconds deadline) {
  return deadline == 0 ? 0 : std::max<Nanoseconds>(deadline - arch::monotonic_now(), 0);
}

Result<Vector<Pollfd>> read_list(const Context& context, UserPtr<Pollfd> files, unsigned count) {
  if (count > context.process.open_files_limit()) return Error::inval;
  Vector<Pollfd> list;
  TRY(list.resize(count));
  TRY(files.read_array(list));
  return list;
}

Result<void> write_events(UserPtr<Pollfd> files, std::span<const Pollfd> list) {
  if (list.empty()) return {};
  const std::uintptr_t first = files.address() + offsetof(Pollfd, revents);
  if (!arch::copy_shorts_to_user(first, &list[0].revents, list.size(), sizeof(Pollfd))) return Error::fault;
  return {};
}

Result<unsigned> poll_until(Context& context, UserPtr<Pollfd> files, unsigned count, Nanoseconds deadline) {
  Vector<Pollfd> list = TRY(read_list(context, files, count));
  const unsigned ready = TRY(wait_for_files(context, list, deadline));
  TRY(write_events(files, list));
  return ready;
}

Result<long> poll_or_restart(Context& context, UserPtr<Pollfd> files, unsigned count, Nanoseconds deadline) {
  const auto ready = poll_until(context, files, count, deadline);
  if (ready) return *ready;
  if (ready.error() != Error::intr) return ready.error();
  context.thread.timed_restart = {
      .again = [](UserThread& thread, const TimedRestart& state) {
        Context again = context_of(thread);
        return poll_or_restart(again, UserPtr<Pollfd>(state.arguments[0]), static_cast<unsigned>(state.arguments[1]),
                               static_cast<Nanoseconds>(state.arguments[2]));
      },
      .arguments = {files.address(), count, static_cast<std::uint64_t>(deadline)}};
  return Error::restart_timed;
}

constexpr Error restart_if_interrupted(Error error) { return error == Error::intr ? Error::restart_unhandled : error; }

// --- select: three sets of bits, of which bit n is descriptor n ---------------------------------------------------------
using SetPointers = std::array<UserPtr<std::uint64_t>, 3>;  // readable, writable, exceptional

constexpr PollEvents set_asks[3] = {poll_event::readable, poll_event::writable, poll_event::priority};
constexpr PollEvents set_hears[3] = {poll_event::readable | poll_event::read_band | poll_event::hang_up | poll_event::error,
                                     poll_event::writable | poll_event::write_band | poll_event::error,
                                     poll_event::priority};

class DescriptorSets {
 public:
  Result<void> read(const SetPointers& pointers, unsigned count) {
    words_ = (count + 63) / 64;
    TRY(bits_.resize(words_ * 3));
    for (unsigned set = 0; set < 3; ++set)
      if (pointers[set]) TRY(pointers[set].read_array(words(set)));
    // Bits at and beyond `count` do not count.
    if (count % 64)
      for (unsigned set = 0; set < 3; ++set) words(set).back() &= (std::uint64_t{1} << count % 64) - 1;
    return {};
  }

  Result<Vector<Pollfd>> list() {
    std::size_t wanted = 0;
    for (unsigned word = 0; word < words_; ++word) wanted += static_cast<std::size_t>(std::popcount(in_any(word)));
    Vector<Pollfd> list;
    TRY(list.resize(wanted));
    Pollfd* next = list.data();
    for (unsigned word = 0; word < words_; ++word)
      for (std::uint64_t rest = in_any(word); rest; rest &= rest - 1, ++next) {
        const auto bit = static_cast<unsigned>(std::countr_zero(rest));
        PollEvents events = 0;
        for (unsigned set = 0; set < 3; ++set) events |= set_asks[set] & -(bits_[set * words_ + word] >> bit & 1);
        *next = {static_cast<int>(word * 64 + bit), static_cast<std::int16_t>(events), 0};
      }
    return list;
  }

  // Nothing is ready.
  long clear() {
    std::ranges::fill(bits_, 0);
    return 0;
  }

  // The sets become what is ready; how many bits that is.
  long take_events(std::span<const Pollfd> list) {
    long count = clear();
    for (const Pollfd& entry : list) {
      if (entry.revents == 0) continue;
      for (unsigned set = 0; set < 3; ++set)
        if ((entry.events & set_asks[set]) && (entry.revents & set_hears[set])) {
          words(set)[static_cast<unsigned>(entry.fd) / 64] |= std::uint64_t{1} << entry.fd % 64;
          ++count;
        }
    }
    return count;
  }

  Result<void> write(const SetPointers& pointers) {
    for (unsigned set = 0; set < 3; ++set)
      if (pointers[set]) TRY(pointers[set].write_array(words(set)));
    return {};
  }

 private:
  // The descriptors of a word that are in one of the sets.
  std::uint64_t in_any(unsigned word) const { return bits_[word] | bits_[words_ + word] | bits_[2 * words_ + word]; }
  std::span<std::uint64_t> words(unsigned set) { return std::span(bits_.data(), bits_.size()).subspan(set * words_, words_); }
  unsigned words_ = 0;
  Vector<std::uint64_t> bits_;
};

Result<long> select_until(Context& context, int count, const SetPointers& pointers, Nanoseconds deadline) {
  if (count < 0) return Error::inval;
  // Descriptors beyond the table cannot be open; Linux looks no further either.
  DescriptorSets sets;
  TRY(sets.read(pointers, std::min(static_cast<unsigned>(count), context.process.files().capacity())));
  Vector<Pollfd> list = TRY(sets.list());
  const auto waited = wait_for_files(context, list, deadline);
  if (!waited) return restart_if_interrupted(waited.error());
  if (*waited != 0)
    for (const Pollfd& entry : list)
      if (entry.revents & static_cast<std::int16_t>(poll_event::invalid)) return Error::badf;
  const long ready = *waited ? sets.take_events(list) : sets.clear();
  TRY(sets.write(pointers));
  return ready;
}

}  // namespace

Result<long> sys_poll(Context& context, UserPtr<Pollfd> files, unsigned count, int milliseconds) {
  return poll_or_restart(context, files, count, deadline_from_milliseconds(milliseconds));
}

Result<long> sys_ppoll(Context& context, UserPtr<Pollfd> files, unsigned count, UserPtr<Timespec> timeout,
                       UserPtr<std::uint64_t> mask, std::size_t mask_size) {
  const Nanoseconds deadline = TRY(deadline_from(timeout));
  const Result<long> ready = with_mask(context, mask, mask_size, [&] -> Result<long> {
    const auto ready = poll_until(context, files, count, deadline);
    return ready ? Result<long>(*ready) : restart_if_interrupted(ready.error());
  });
  // A timeout that cannot be written is no error: select(2), NOTES.
  if (timeout && deadline != never) (void)timeout.write(timespec_of(time_left(deadline)));
  return ready;
}

Result<long> sys_select(Context& context, int count, UserPtr<std::uint64_t> read, UserPtr<std::uint64_t> write,
                        UserPtr<std::uint64_t> except, UserPtr<Timeval> timeout) {
  Nanoseconds deadline = never;
  if (timeout) {
    // Unlike elsewhere, more than a second's worth of microseconds is fine.
    const Timeval wanted = TRY(timeout.read());
    if (wanted.tv_sec < 0 || wanted.tv_usec < 0) return Error::inval;
    deadline = deadline_for(saturating_nanoseconds(wanted.tv_sec, std::min<long>(wanted.tv_usec, never / 1000) * 1000));
  }
  const Result<long> ready = select_until(context, count, {read, write, except}, deadline);
  if (timeout && deadline != never) (void)timeout.write(timeval_of(time_left(deadline)));
  return ready;
}

Result<long> sys_pselect6(Context& context, int count, UserPtr<std::uint64_t> read, UserPtr<std::uint64_t> write,
                          UserPtr<std::uint64_t> except, UserPtr<Timespec> timeout, UserPtr<std::uint64_t> mask_argument) {
  // The sixth argument points to the mask's address and size.
  std::uint64_t mask[2] = {0, sigset_size};
  if (mask_argument) TRY(mask_argument.read_array(mask));
  const Nanoseconds deadline = TRY(deadline_from(timeout));
  const Result<long> ready = with_mask(context, UserPtr<std::uint64_t>(mask[0]), mask[1], [&] {
    return select_until(context, count, {read, write, except}, deadline);
  });
  if (timeout && deadline != never) (void)timeout.write(timespec_of(time_left(deadline)));
  return ready;
}

}  // namespace cv6::linux_abi
