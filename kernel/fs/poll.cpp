#include "fs/poll.hpp"

#include "sched/pace.hpp"

namespace cv6 {

namespace {
constexpr unsigned places_between_yields = 1024;
}

void PollWaiters::watch(WaitQueue& queue, PollEvents tells) {
  if (!(tells & wanted_)) return;
  if (used_ < inline_places) {
    queue.add(inline_[used_++]);
    return;
  }
  Own<Place> place(new (std::nothrow) Place(event_));
  if (!place) {
    note_no_memory();
    return;
  }
  queue.add(place->waiter);
  place->next = std::move(more_);
  more_ = std::move(place);
}

// One by one, as a chain of a thousand must not recurse; of a million, others get their turns.
PollWaiters::~PollWaiters() {
  for (sched::Pace pace(places_between_yields); more_; pace.step()) more_ = std::move(more_->next);
}

}  // namespace cv6
