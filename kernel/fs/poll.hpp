// Waiting for several files at once: poll(2), select(2), epoll(7).
//
//   Event event;  PollWaiters waiters(event);
//   for each file: ready = file.poll(&waiters)       // what is ready now; and from now on changes raise the event
//   if nothing is ready: sleep_until_raised(event, ...), then ask all again with poll(nullptr)
//
// The files must stay held while the waiters exist.
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
}  // namespace poll_event

// The places in wait queues of one poll. A file's poll() calls watch() for each queue whose wake-ups matter to it.
class PollWaiters {
 public:
  explicit PollWaiters(Event& event) : event_(event) {}
  void watch(WaitQueue& queue);
  // False: there was no memory to watch everything; the poll fails with Error::nomem.
  bool complete() const { return complete_; }

 private:
  struct Place : Charged<Place, "poll_place"> {
    explicit Place(Event& event) : waiter(event) {}
    Waiter waiter;
    Own<Place> next;
  };
  static constexpr unsigned inline_places = 4;
  Event& event_;
  Waiter inline_[inline_places] = {Waiter(event_), Waiter(event_), Waiter(event_), Waiter(event_)};
  unsigned used_ = 0;
  bool complete_ = true;
  Own<Place> more_;

 public:
  ~PollWaiters();
};

}  // namespace cv6
