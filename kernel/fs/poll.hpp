// Waiting for several files at once: poll(2), select(2), epoll(7).
//
//   Event event;  PollWaiters waiters(event);
//   for each file: ready = file.poll(&waiters)       // what is ready now; and from now on changes raise the event
//   if nothing is ready: sleep_until_raised(event, ...), then ask all again with poll(nullptr)
//
// The files must stay held while the waiters exist. Their end may give way: no spin lock is held.
#pragma once

#include <cstdint>

#include "lib/ref.hpp"
#include "lib/vector.hpp"
#include "mm/payer.hpp"
#include "sched/wait_queue.hpp"

namespace cv6 {

using PollEvents = std::uint16_t;
namespace poll_event {  // values as in <poll.h>
inline constexpr PollEvents in = 0x001, priority = 0x002, out = 0x004, error = 0x008, hang_up = 0x010, invalid = 0x020;
inline constexpr PollEvents read_normal = 0x040, read_band = 0x080, write_normal = 0x100, write_band = 0x200;
inline constexpr PollEvents read_hang_up = 0x2000;
inline constexpr PollEvents readable = in | read_normal, writable = out | write_normal;
inline constexpr PollEvents always_told = error | hang_up, all = 0xffff;
}  // namespace poll_event

// The places in wait queues of one poll. A file's poll() calls watch() for each queue whose wake-ups matter to it.
class PollWaiters {
 public:
  // `wanted`: queues that tell of other events only are left alone.
  explicit PollWaiters(Event& event, PollEvents wanted = poll_event::all) : event_(event), wanted_(wanted) {}
  // `tells`: what may have happened when the queue is woken.
  void watch(WaitQueue& queue, PollEvents tells = poll_event::all);
  // False: there was no memory to watch everything; the poll fails with Error::nomem.
  bool complete() const { return complete_; }
  void note_no_memory() { complete_ = false; }
  // By a file that never blocks: nothing is watched, because nothing ever changes.
  void note_never_blocks() { never_blocks_ = true; }
  bool never_blocks() const { return never_blocks_; }

 private:
  struct Place : Charged<Place, "poll_place"> {
    explicit Place(Event& event) : waiter(event) {}
    Waiter waiter;
    Own<Place> next;
  };
  static constexpr unsigned inline_places = 4;
  Event& event_;
  PollEvents wanted_;
  bool complete_ = true;
  bool never_blocks_ = false;
  Waiter inline_[inline_places] = {Waiter(event_), Waiter(event_), Waiter(event_), Waiter(event_)};
  unsigned used_ = 0;
  Own<Place> more_;

 public:
  ~PollWaiters();
};

}  // namespace cv6
